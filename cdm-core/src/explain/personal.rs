use std::fmt;

use serde::{Serialize, Serializer};

/// A text that may be personal data: `Debug` shows its length, JSON holds it.
///
/// # Examples
/// ```
/// use cdm_core::explain::Personal;
/// let name = Personal::from("Ann");
/// assert_eq!(format!("{name:?}"), "<3 characters>");
/// assert_eq!(name.as_str(), "Ann");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Personal(String);

impl Personal {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Personal {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.chars().count())
    }
}

impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
