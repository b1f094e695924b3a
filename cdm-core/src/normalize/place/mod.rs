//! Cities, regions, countries and postcodes.

pub(super) mod city;
pub(super) mod country;
pub(super) mod postcode;
pub(super) mod region;

pub use city::city;
pub use country::country;
pub use postcode::postcode;
pub(crate) use region::most_of_one_country;
pub use region::region;
