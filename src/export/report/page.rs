//! The page around a report, and how numbers and texts stand in it.

use crate::run::group::{Spread, band};

/// Text that can't be taken for markup.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Mean, and standard deviation where there are several.
pub fn score(values: &[f64]) -> String {
    match band(0.0, values, Spread::StandardDeviation) {
        None => "–".to_owned(),
        Some(band) if band.count == 1 => format!("{:.3}", band.mean),
        Some(band) => format!("{:.3} ± {:.3}", band.mean, band.high - band.mean),
    }
}

/// Table cells, escaped.
pub fn cells(values: &[String]) -> String {
    values
        .iter()
        .map(|value| format!("<td>{}", escape(value)))
        .collect()
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--ground:#fff;--line:#d8dee4;--stripe:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa6b2;--ground:#0f1318;--line:#2b333b;--stripe:#171c22}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:1120px;margin:2rem auto;padding:0 1.2rem}\
h1{font-size:1.8rem;margin:0 0 .4rem}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}\
.lead,.note{color:var(--soft)}.note{font-size:.85rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}\
th{color:var(--soft);font-weight:600}tbody tr:nth-child(even){background:var(--stripe)}\
i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.5em;vertical-align:-.05em}\
@media screen and (prefers-color-scheme:dark){figure svg [fill=\"#FFFFFF\"]{fill:#0f1318}figure svg text{fill:#c3ccd5}\
figure svg [stroke=\"#E1E1E1\"]{stroke:#2b333b}figure svg [stroke=\"#787878\"]{stroke:#5b6570}figure svg polyline,figure svg polygon{filter:brightness(1.35)}}\
.legend span{margin-right:1.4em;white-space:nowrap}.charts{display:flex;flex-wrap:wrap;gap:12px}\
figure{margin:0}figure svg{border-radius:6px;border:1px solid var(--line);max-width:100%;height:auto}\
.pictures{display:grid;gap:8px;overflow-x:auto}.pictures img{width:100%;image-rendering:pixelated;border-radius:3px;display:block}\
.pictures div{min-width:110px;overflow-wrap:anywhere;font-size:.8rem;color:var(--soft)}\
pre{font-size:.85rem;overflow-x:auto}@media print{body{max-width:none;margin:0}}";

/// The whole page.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content='width=device-width,initial-scale=1'>\
         <title>{}</title><style>{STYLE}</style></head>\n<body>{body}</body></html>\n",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escape("<b a='x'>&"), "&lt;b a=&#39;x&#39;&gt;&amp;");
        assert!(page("<script>", "").contains("<title>&lt;script&gt;"));
    }

    #[test]
    fn scores_say_how_they_scatter() {
        assert_eq!(score(&[]), "–");
        assert_eq!(score(&[0.5]), "0.500");
        assert_eq!(score(&[0.2, 0.4, 0.6]), "0.400 ± 0.200");
    }
}
