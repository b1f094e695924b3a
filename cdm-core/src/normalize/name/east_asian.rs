//! Names in Chinese, Japanese and Korean characters: surname first, mostly without a space.

use super::full::Parsed;
use super::scan::{Segment, Word};
use super::words::is_east_asian_surname;

/// Which part is the surname. Surname and given name stay unset where nothing tells them apart.
pub(super) fn arrange(mut words: Segment) -> Parsed {
    let mut parsed = Parsed { surname_leads: true, ..Parsed::default() };
    if words.len() > 1 {
        let last = words.len() - 1;
        let turned =
            is_east_asian_surname(&words[last].folded) && !is_east_asian_surname(&words[0].folded);
        let surname = if turned { words.pop() } else { Some(words.remove(0)) };
        parsed.family.extend(surname);
        parsed.given = words;
        return parsed;
    }
    let Some(word) = words.pop() else { return parsed };
    if word.folded.contains('・') {
        // A foreign name, in its own order: ジョン・スミス.
        let mut parts: Segment = split(&word, '・');
        parsed.surname_leads = false;
        if parts.len() > 1 {
            parsed.family.extend(parts.pop());
        }
        parsed.middle = parts.split_off(1.min(parts.len()));
        parsed.given = parts;
        parsed.canonical = Some(word.folded);
        return parsed;
    }
    match surname_length(&word.folded) {
        Some(length) if length < word.folded.len() && length <= word.shown.len() => {
            let (family, given) = word.folded.split_at(length);
            parsed.family.push(plain(family));
            parsed.given.push(plain(given));
        }
        Some(_) => parsed.family.push(word),
        None => parsed.canonical = Some(word.folded),
    }
    parsed
}

/// How many bytes of a name without a space are its surname; `None` where that cannot be told.
fn surname_length(name: &str) -> Option<usize> {
    let ends: Vec<usize> = name.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    let letters = ends.len();
    let hangul = name.chars().all(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c));
    let han = |c: char| matches!(c as u32, 0x3005..=0x3007 | 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff);
    let begins_with =
        |count: usize| letters >= count && is_east_asian_surname(&name[..ends[count - 1]]);
    // The longest surname wins, and one of several characters may stand alone.
    for count in [4, 3, 2] {
        if begins_with(count) && letters <= count + 3 {
            return Some(ends[count - 1]);
        }
    }
    match letters {
        1 => begins_with(1).then_some(ends[0]),
        2..=3 if begins_with(1) => Some(ends[0]),
        4 if hangul && begins_with(1) => Some(ends[0]),
        // Four characters are a Japanese name, two and two, more often than not.
        4 if name.chars().all(han) => Some(ends[1]),
        4..=5 if name.chars().take(2).all(han) && !name.chars().skip(2).any(han) => Some(ends[1]),
        _ => None,
    }
}

fn split(word: &Word, at: char) -> Segment {
    word.folded.split(at).filter(|part| !part.is_empty()).map(plain).collect()
}

/// These scripts have no case, so a word is shown as it is folded.
fn plain(text: &str) -> Word {
    Word { shown: text.to_owned(), folded: text.to_owned(), glued: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surnames_are_found_without_a_space() {
        for (name, surname) in [
            ("王小明", "王"),
            ("欧阳娜娜", "欧阳"),
            ("諸葛亮", "諸葛"),
            ("김철수", "김"),
            ("남궁민수", "남궁"),
            ("山田太郎", "山田"),
            ("佐々木希", "佐々木"),
            ("長谷川潤", "長谷川"),
            ("李", "李"),
            ("勅使河原宏", "勅使河原"),
        ] {
            assert_eq!(surname_length(name).map(|length| &name[..length]), Some(surname));
        }
        assert_eq!(surname_length("ヤマダタロウ"), None);
    }
}
