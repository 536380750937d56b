//! The commands, one short file each.

pub mod completions;
pub mod demo;
pub mod doctor;
pub mod migrate;
pub mod sandbox;
pub mod serve;
pub mod work;
