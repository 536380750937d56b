//! The commands, one short file each.

pub mod backup;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod migrate;
pub mod restore;
pub mod rotate_keys;
pub mod sandbox;
pub mod serve;
pub mod work;
