use crate::compare::{Comparison, SketchedComparison, Sketcher};

/// Comparisons with what they note of values. Fields are named by their places in a list of those that
/// are compared.
pub(crate) struct Sketching {
    /// In the order of the plan.
    pub(crate) comparisons: Vec<PlacedComparison>,
    pub(crate) groups: Vec<Group>,
}

/// A comparison, and the fields that it looks at.
pub(crate) struct PlacedComparison {
    pub(crate) comparison: SketchedComparison,
    pub(crate) places: Vec<usize>,
    /// An earlier comparison of the group and how many levels it has, where this one begins with
    /// them.
    pub(crate) begins_with: Option<(usize, usize)>,
}

/// Comparisons that have fields in common: one sketch of a value is for all of them.
pub(crate) struct Group {
    /// Positions of comparisons, in order.
    pub(crate) comparisons: Vec<usize>,
    /// Places of their fields.
    pub(crate) places: Vec<usize>,
    pub(crate) sketcher: Sketcher,
}

impl Sketching {
    /// Of comparisons whose fields have these places.
    pub(crate) fn new(comparisons: &[Comparison], mut places: Vec<Vec<usize>>) -> Self {
        let mut groups = groups(&places);
        let mut placed: Vec<Option<PlacedComparison>> = comparisons.iter().map(|_| None).collect();
        for group in &mut groups {
            for number in &group.comparisons {
                let sketcher = &mut group.sketcher;
                let mut comparison = SketchedComparison::new(&comparisons[*number], sketcher);
                let places = std::mem::take(&mut places[*number]);
                let earlier = group.comparisons.iter().filter_map(|known| {
                    let known = (*known, placed[*known].as_ref()?);
                    Some((known.0, comparison.levels_begin_with(&known.1.comparison)?))
                });
                let begins_with = earlier.max_by_key(|(_, levels)| *levels);
                if let Some((_, levels)) = begins_with {
                    comparison.begin_after(levels);
                }
                placed[*number] = Some(PlacedComparison { comparison, places, begins_with });
            }
        }
        // Every comparison is of one group.
        Self { comparisons: placed.into_iter().flatten().collect(), groups }
    }
}

/// The comparisons that have fields in common, by the fields of each.
fn groups(places: &[Vec<usize>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (number, of_comparison) in places.iter().enumerate() {
        let mut group = Group {
            comparisons: vec![number],
            places: of_comparison.clone(),
            sketcher: Sketcher::default(),
        };
        let meets = |other: &Group| other.places.iter().any(|place| of_comparison.contains(place));
        for known in groups.extract_if(.., |other| meets(other)) {
            group.comparisons.extend(known.comparisons);
            group.places.extend(known.places);
        }
        for list in [&mut group.comparisons, &mut group.places] {
            list.sort_unstable();
            list.dedup();
        }
        groups.push(group);
    }
    groups
}
