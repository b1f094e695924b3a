//! Diacritics, capitals and character sets.

/// How letters that a system cannot hold are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folding {
    /// Without their marks: `Müller` as `Muller`.
    Plain,
    /// As German and Nordic users spell them out: `Müller` as `Mueller`.
    SpelledOut,
}

/// `text` with its Latin letters reduced to A to Z; other scripts stay.
pub(super) fn fold(text: &str, folding: Folding) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        match (folding, letter) {
            (Folding::SpelledOut, 'ä') => folded.push_str("ae"),
            (Folding::SpelledOut, 'ö') => folded.push_str("oe"),
            (Folding::SpelledOut, 'ü') => folded.push_str("ue"),
            (Folding::SpelledOut, 'Ä') => folded.push_str("Ae"),
            (Folding::SpelledOut, 'Ö') => folded.push_str("Oe"),
            (Folding::SpelledOut, 'Ü') => folded.push_str("Ue"),
            (_, 'ß') => folded.push_str("ss"),
            (_, 'œ') => folded.push_str("oe"),
            (_, 'Œ') => folded.push_str("Oe"),
            (_, 'æ') => folded.push_str("ae"),
            (_, other) => folded.push(bare(other)),
        }
    }
    folded
}

fn bare(letter: char) -> char {
    match letter {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ą' => 'a',
        'Á' | 'À' | 'Â' | 'Ä' | 'Ã' | 'Å' | 'Ą' => 'A',
        'ç' | 'ć' | 'č' => 'c',
        'Ç' | 'Ć' | 'Č' => 'C',
        'é' | 'è' | 'ê' | 'ë' | 'ę' => 'e',
        'É' | 'È' | 'Ê' | 'Ë' | 'Ę' => 'E',
        'í' | 'ì' | 'î' | 'ï' | 'ı' => 'i',
        'Í' | 'Ì' | 'Î' | 'Ï' | 'İ' => 'I',
        'ł' => 'l',
        'Ł' => 'L',
        'ñ' | 'ń' => 'n',
        'Ñ' | 'Ń' => 'N',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' => 'o',
        'Ó' | 'Ò' | 'Ô' | 'Ö' | 'Õ' | 'Ø' => 'O',
        'ś' | 'ş' | 'š' => 's',
        'Ś' | 'Ş' | 'Š' => 'S',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'Ú' | 'Ù' | 'Û' | 'Ü' => 'U',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'Ź' | 'Ż' | 'Ž' => 'Z',
        'ğ' => 'g',
        'º' => 'o',
        other => other,
    }
}

/// Lower-case letters and digits of `text`, folded: what an e-mail address is built from.
pub(super) fn slug(text: &str, folding: Folding) -> String {
    fold(text, folding)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// `text` in Windows-1252. A letter that the character set lacks loses its marks; what is then
/// still missing becomes `?`, as in old help-desk systems.
pub(super) fn windows_1252(text: &str) -> Vec<u8> {
    text.chars()
        .map(|letter| match letter {
            '\0'..='\u{7f}' | '\u{a0}'..='\u{ff}' => letter as u8,
            '€' => 0x80,
            '‘' => 0x91,
            '’' => 0x92,
            '“' => 0x93,
            '”' => 0x94,
            '–' => 0x96,
            'œ' => 0x9c,
            'Œ' => 0x8c,
            'š' => 0x9a,
            'Š' => 0x8a,
            'ž' => 0x9e,
            'Ž' => 0x8e,
            other => match bare(other) {
                folded @ '\0'..='\u{7f}' => folded as u8,
                _ => b'?',
            },
        })
        .collect()
}

/// `text` read as Windows-1252 although it is UTF-8: `Müller` becomes `MÃ¼ller`.
pub(super) fn mojibake(text: &str) -> String {
    // The five bytes without a letter are shown as dots.
    const HIGH: &str = "€·‚ƒ„…†‡ˆ‰Š‹Œ·Ž··‘’“”•–—˜™š›œ·žŸ";
    text.bytes()
        .map(|byte| match byte {
            0x80..=0x9f => HIGH.chars().nth(usize::from(byte - 0x80)).unwrap_or('·'),
            other => char::from(other),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fold_the_way_systems_fold_them() {
        assert_eq!(fold("Müller-Größe", Folding::Plain), "Muller-Grosse");
        assert_eq!(fold("Müller", Folding::SpelledOut), "Mueller");
        assert_eq!(fold("Łukasz Żółć", Folding::Plain), "Lukasz Zolc");
        assert_eq!(fold("Иванов", Folding::Plain), "Иванов");
        assert_eq!(slug("d'Hautefeuille", Folding::Plain), "dhautefeuille");
        assert_eq!(windows_1252("Łé€日"), [b'L', 0xe9, 0x80, b'?']);
        assert_eq!(mojibake("ü"), "Ã¼");
    }
}
