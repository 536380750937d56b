//! The architecture as tests: which way dependencies point, and what may be written where.

mod arrows;
mod open_points;
mod planted_faults;
mod sources;
mod texts;
