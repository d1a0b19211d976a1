//! Names in little room: what tells one from those beside it is kept.

/// `names[at]`, shortened until it `fits`: what it has in common with all others at its start and at its
/// end gives way first, then its middle.
#[must_use]
pub fn telling(names: &[&str], at: usize, fits: impl Fn(&str) -> bool) -> String {
    let Some(name) = names.get(at) else {
        return String::new();
    };
    if fits(name) {
        return (*name).to_owned();
    }
    let (start, end) = common(names);
    let own = &name[start..name.len() - end];
    let whole_start = format!("{}{own}…", &name[..start]);
    let own = telling_part(names, at);
    let candidates = [
        (end > 0).then_some(whole_start),
        (own.len() < name.len()).then_some(own),
    ];
    for candidate in candidates.iter().flatten() {
        if fits(candidate) {
            return candidate.clone();
        }
    }
    let shortest = candidates.into_iter().flatten().last();
    without_middle(shortest.as_deref().unwrap_or(name), fits)
}

/// What of `names[at]` no other has, between ellipses.
#[must_use]
pub fn telling_part(names: &[&str], at: usize) -> String {
    let Some(name) = names.get(at) else {
        return String::new();
    };
    let (start, end) = common(names);
    let gone = |some: usize| if some > 0 { "…" } else { "" };
    let own = &name[start..name.len() - end];
    format!("{}{own}{}", gone(start), gone(end))
}

/// Bytes at the start and at the end that all names share, in whole words.
fn common(names: &[&str]) -> (usize, usize) {
    let [first, others @ ..] = names else {
        return (0, 0);
    };
    if others.is_empty() || others.contains(first) {
        return (0, 0);
    }
    let shared = |same: fn(&str, &str) -> usize| {
        let shares = others.iter().map(|other| same(first, other));
        shares.min().unwrap_or(0)
    };
    let start = shared(|a, b| {
        let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
        same.map(|(a, _)| a.len_utf8()).sum()
    });
    // Back to where a word begins.
    let start = first[..start].rfind(|c: char| !c.is_alphanumeric() && c != '_');
    let start = start.map_or(0, |at| {
        at + first[at..].chars().next().map_or(0, char::len_utf8)
    });
    let end = shared(|a, b| {
        let same = a
            .chars()
            .rev()
            .zip(b.chars().rev())
            .take_while(|(a, b)| a == b);
        same.map(|(a, _)| a.len_utf8()).sum()
    });
    let shortest = names.iter().map(|name| name.len()).min().unwrap_or(0);
    let from = first.len() - end.min(shortest - start);
    let end = first[from..].find(|c: char| !c.is_alphanumeric() && c != '_');
    (start, end.map_or(0, |at| first.len() - from - at))
}

/// As many letters of the start and of the end as fit around an ellipsis.
fn without_middle(text: &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(text) {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let cut = |kept: usize| -> String {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let tail = &letters[letters.len() - tail..];
        letters[..head]
            .iter()
            .chain(['…'].iter())
            .chain(tail)
            .collect()
    };
    // The most that fits, by halving: fewer letters are never wider.
    let (mut fitting, mut over) = (0, letters.len());
    while fitting + 1 < over {
        let middle = usize::midpoint(fitting, over);
        if fits(&cut(middle)) {
            fitting = middle;
        } else {
            over = middle;
        }
    }
    cut(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[&str], most: usize) -> Vec<String> {
        let fits = |text: &str| text.chars().count() <= most;
        (0..names.len())
            .map(|at| telling(names, at, fits))
            .collect()
    }

    #[test]
    fn what_all_have_in_common_gives_way_first() {
        let names = [
            "camvid, dice, seed 3",
            "camvid, dice-ce, seed 3",
            "camvid, focal, seed 3",
        ];
        assert_eq!(shown(&names, 40), names);
        assert_eq!(
            shown(&names, 17),
            ["camvid, dice…", "camvid, dice-ce…", "camvid, focal…"]
        );
        assert_eq!(shown(&names, 10), ["…dice…", "…dice-ce…", "…focal…"]);
    }

    #[test]
    fn words_are_not_cut_where_they_begin_alike() {
        let names = ["dice-no-background, seed 13", "dice-no-foreground, seed 13"];
        assert_eq!(shown(&names, 18), ["…background…", "…foreground…"]);
        assert_eq!(
            shown(&["seed 1 of lovasz", "seed 2 of lovasz"], 9),
            ["seed 1…", "seed 2…"]
        );
    }

    #[test]
    fn the_middle_gives_way_last_and_equal_names_stay_equal() {
        let names = ["weighted-cross-entropy", "unweighted-cross-entropy"];
        assert_eq!(shown(&names, 11), ["weighted…", "unweighted…"]);
        assert_eq!(shown(&["cross-entropy", "focal"], 8), ["cros…opy", "focal"]);
        assert_eq!(shown(&["abcdef", "abcdef"], 4), ["ab…f", "ab…f"]);
        assert_eq!(shown(&["abcdef"], 0), ["…"]);
        assert_eq!(telling(&[], 0, |_| true), "");
        assert_eq!(shown(&["ä–ö ü", "ä–ö ß"], 3), ["…ü", "…ß"]);
    }
}
