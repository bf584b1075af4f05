//! Honest documents as large as may be: scans whose images nothing packs.

use super::file;

/// A document of so many Letter pages, on each of which is a colour image of its own with about so many bytes, as they are.
/// `odd` is written into each page; what is out of the ordinary there leaves the file to the parser for all files.
pub(crate) fn scans(pages: usize, bytes_each: usize, odd: &str) -> Vec<u8> {
    let side = ((bytes_each / 3) as f64).sqrt() as usize;
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", 3 + 3 * page)).collect();
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{}]/Count {pages}>>", kids.join(" ")).into_bytes(),
    ];
    for page in 0..pages {
        let (content, image) = (4 + 3 * page, 5 + 3 * page);
        objects.push(
            format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {content} 0 R\
                 /Resources<</XObject<</I {image} 0 R>>>>{odd}>>"
            )
            .into_bytes(),
        );
        let drawn = "q 540 0 0 720 36 36 cm /I Do Q";
        objects.push(format!("<</Length {}>>stream\n{drawn}\nendstream", drawn.len()).into_bytes());
        let length = 3 * side * side;
        let mut body = format!(
            "<</Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceRGB/BitsPerComponent 8\
             /Length {length}>>stream\n"
        )
        .into_bytes();
        body.reserve_exact(length + 10);
        noise.fill(&mut body, length);
        body.extend(b"\nendstream");
        objects.push(body);
    }
    file(&objects)
}

/// The noise of Marsaglia's xorshift, the same each time.
struct Noise(u64);

impl Noise {
    fn fill(&mut self, out: &mut Vec<u8>, length: usize) {
        let end = out.len() + length;
        while out.len() < end {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let bytes = self.0.to_le_bytes();
            out.extend_from_slice(&bytes[..bytes.len().min(end - out.len())]);
        }
    }
}
