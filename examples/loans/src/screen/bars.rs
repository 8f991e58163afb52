//! Bars made of eighths of a character.

/// A bar for `value`, where `most` is `width` characters long. What is not nothing is seen.
pub(super) fn bar(value: u64, most: u64, width: usize) -> String {
    const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    if most == 0 || value == 0 {
        return String::new();
    }
    let exact = value as f64 / most as f64 * (width * 8) as f64;
    let eighths = (exact.round() as usize).clamp(1, width * 8);
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = (eighths % 8).checked_sub(1) {
        bar.push(PARTS[part]);
    }
    bar
}
