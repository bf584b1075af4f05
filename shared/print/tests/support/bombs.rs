//! Small PDFs that cost a great deal to draw, made by code.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression, FlushCompress};

use super::file;

/// A page of Letter that draws `content`, a stream as [`stream`] makes them. `others` are numbered from 5.
fn page(resources: &str, content: Vec<u8>, others: Vec<Vec<u8>>) -> Vec<u8> {
    let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<{resources}>>>>");
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        page.into_bytes(),
        content,
    ];
    objects.extend(others);
    file(&objects)
}

fn stream(keys: &str, data: &[u8]) -> Vec<u8> {
    let mut body = format!("<<{keys}/Length {}>>stream\n", data.len()).into_bytes();
    body.extend(data);
    body.extend(b"\nendstream");
    body
}

fn content(operators: &str) -> Vec<u8> {
    stream("", operators.as_bytes())
}

/// `times` copies of `block`, deflated. Only the first copy is worked for.
pub(crate) fn deflated(block: &[u8], times: usize) -> Vec<u8> {
    let mut piece = vec![0; block.len() + 1024];
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress(block, &mut piece, FlushCompress::Full).unwrap();
    assert_eq!(compress.total_in(), block.len() as u64);
    piece.truncate(compress.total_out() as usize);
    let mut bytes = vec![0x78, 0xda];
    (0..times).for_each(|_| bytes.extend(&piece));
    // An empty last block of fixed codes.
    bytes.extend([0x03, 0x00]);
    // What a block does to the two sums of Adler-32, as often as it is there.
    let (mut sum, mut weighted) = (0u64, 0u64);
    for (byte, rest) in block.iter().zip((1..=block.len() as u64).rev()) {
        sum += u64::from(*byte);
        weighted += u64::from(*byte) * rest;
    }
    let (mut low, mut high) = (1u64, 0u64);
    for _ in 0..times {
        high = (high + low * block.len() as u64 + weighted) % 65_521;
        low = (low + sum) % 65_521;
    }
    bytes.extend(((high << 16 | low) as u32).to_be_bytes());
    bytes
}

fn deflated_once(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Content of 1 GiB of nothing, deflated twice.
pub(crate) fn content_of_a_gibibyte() -> Vec<u8> {
    let once = deflated(&vec![b' '; 1 << 20], 1 << 10);
    page("", stream("/Filter[/FlateDecode/FlateDecode]", &deflated_once(&once)), Vec::new())
}

/// A page that draws an image whose dictionary says it is so large, and whose data say what they like.
pub(crate) fn image(width: u32, height: u32, keys: &str, data: &[u8]) -> Vec<u8> {
    let keys = format!(
        "/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray/BitsPerComponent 8{keys}"
    );
    page("/XObject<</I 5 0 R>>", content("q 612 0 0 792 0 0 cm /I Do Q"), vec![stream(&keys, data)])
}

/// A page that is one image in colour, in earnest.
pub(crate) fn scan(width: u32, height: u32) -> Vec<u8> {
    scan_in("/DeviceRGB", 3, width, height)
}

/// The same in a colour space of so many colours.
pub(crate) fn scan_in(space: &str, colours: u32, width: u32, height: u32) -> Vec<u8> {
    let row: Vec<u8> = (0..colours * width).map(|sample| (sample >> 6) as u8).collect();
    let keys = format!(
        "/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace{space}/BitsPerComponent 8/Filter/FlateDecode"
    );
    let image = stream(&keys, &deflated(&row, height as usize));
    page("/XObject<</I 5 0 R>>", content("q 612 0 0 792 0 0 cm /I Do Q"), vec![image])
}

/// The largest scan of a page, and so many bytes beside it that no page needs.
pub(crate) fn scan_beside(filler: usize) -> Vec<u8> {
    let row: Vec<u8> = (0..3 * 5_100).map(|sample| (sample >> 6) as u8).collect();
    let keys =
        "/Type/XObject/Subtype/Image/Width 5100/Height 8400/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode";
    let image = stream(keys, &deflated(&row, 8_400));
    page("/XObject<</I 5 0 R>>", content("q 612 0 0 792 0 0 cm /I Do Q"), vec![image, stream("", &vec![0x5a; filler])])
}

/// An image within the content, where no dictionary of resources gives it away.
pub(crate) fn image_in_content(width: u32, height: u32) -> Vec<u8> {
    let operators = format!("q 612 0 0 792 0 0 cm BI /W {width} /H {height} /CS /G /BPC 8 ID x\nEI Q");
    page("", content(&operators), Vec::new())
}

/// A JBIG2 page of `side` squared, with a region to decode that is as large (ITU-T T.88 7.2, 7.4.6 and 7.4.8).
pub(crate) fn jbig2(side: u32) -> Vec<u8> {
    let segment = |number: u32, kind: u8, data: &[u8]| {
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.extend([kind, 0, 1]);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(data);
        bytes
    };
    let side = side.to_be_bytes();
    let information = [&side[..], &side, &[0; 11]].concat();
    let adaptive = [3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe];
    let region = [&side[..], &side, &[0; 10], &adaptive, &[0x5a; 64], &[0xff, 0xac]].concat();
    let data = [segment(0, 48, &information), segment(1, 38, &region)].concat();
    image(10, 10, "/Filter/JBIG2Decode", &data)
}

/// A JPEG 2000 codestream of `side` squared in one tile that has no data (ISO 15444-1 annex A).
pub(crate) fn jpeg2000(side: u32) -> Vec<u8> {
    let side = side.to_be_bytes();
    let data = [
        &[0xff, 0x4f, 0xff, 0x51, 0, 47, 0, 0][..],
        &side,
        &side,
        &[0; 8],
        &side,
        &side,
        &[0; 8],
        &[0, 3, 7, 1, 1, 7, 1, 1, 7, 1, 1],
        &[0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1],
        &[0xff, 0x5c, 0, 19, 0x40],
        &[0x40; 16],
        &[0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0x93, 0, 0, 0, 0, 0xff, 0xd9],
    ]
    .concat();
    image(10, 10, "/Filter/JPXDecode", &data)
}

/// A progressive JPEG of `side` squared, which is kept as coefficients until its last scan (ITU-T T.81 annex B).
pub(crate) fn progressive_jpeg(side: u16) -> Vec<u8> {
    let side = side.to_be_bytes();
    let data = [
        &[0xff, 0xd8, 0xff, 0xdb, 0, 67, 0][..],
        &[1; 64],
        &[0xff, 0xc2, 0, 17, 8],
        &side,
        &side,
        &[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0],
        &[0xff, 0xc4, 0, 20, 0, 1],
        &[0; 15],
        &[0],
        &[0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0],
        &[0; 64],
        &[0xff, 0xd9],
    ]
    .concat();
    image(10, 10, "/Filter/DCTDecode", &data)
}

/// Forms each of which draws the next `fan` times.
pub(crate) fn forms(depth: usize, fan: usize) -> Vec<u8> {
    let keys =
        |next: usize| format!("/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</F {next} 0 R>>>>");
    let mut forms: Vec<Vec<u8>> =
        (0..depth).map(|form| stream(&keys(form + 6), "/F Do ".repeat(fan).as_bytes())).collect();
    forms.push(stream("/Type/XObject/Subtype/Form/BBox[0 0 612 792]", b"0 0 1 1 re f"));
    page("/XObject<</F 5 0 R>>", content("/F Do"), forms)
}

/// A tiling pattern that fills its cells with itself, in several places each.
pub(crate) fn pattern_of_itself() -> Vec<u8> {
    let keys = "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9\
                /Resources<</Pattern<</P 5 0 R>>>>";
    let fill = "/Pattern cs /P scn 0 0 9 9 re f ".repeat(8);
    page("/Pattern<</P 5 0 R>>", content("/Pattern cs /P scn 0 0 612 792 re f"), vec![stream(keys, fill.as_bytes())])
}

/// A pattern whose cells are a millionth of a point wide.
pub(crate) fn pattern_of_tiny_cells() -> Vec<u8> {
    let keys = "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.000001/YStep 0.000001/Resources<<>>";
    page("/Pattern<</P 5 0 R>>", content("/Pattern cs /P scn 0 0 612 792 re f"), vec![stream(keys, b"0 0 1 1 re f")])
}

/// A font whose only glyph shows text in the font.
pub(crate) fn font_of_itself() -> Vec<u8> {
    let font = "<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 97/Widths[1]\
                /Encoding<</Type/Encoding/Differences[97/a]>>/CharProcs<</a 6 0 R>>/Resources<</Font<</F 5 0 R>>>>>>";
    let glyph = content("1 0 d0 BT /F 1 Tf (aaaa) Tj ET 0 0 1 1 re f");
    page("/Font<</F 5 0 R>>", content("BT /F 1 Tf (aaaa) Tj ET"), vec![font.as_bytes().to_vec(), glyph])
}

/// A shading whose function is a table of a gibibyte.
pub(crate) fn shading_of_a_gibibyte() -> Vec<u8> {
    let shading = "<</ShadingType 1/ColorSpace/DeviceRGB/Domain[0 1 0 1]/Matrix[612 0 0 792 0 0]/Function 6 0 R>>";
    let keys = "/FunctionType 0/Domain[0 1 0 1]/Range[0 1 0 1 0 1]/Size[18000 18000]/BitsPerSample 8\
                /Filter[/FlateDecode/FlateDecode]";
    let table = stream(keys, &deflated_once(&deflated(&vec![0x5a; 1 << 20], 1 << 10)));
    page("/Shading<</S 5 0 R>>", content("/S sh"), vec![shading.as_bytes().to_vec(), table])
}

/// A shading whose function of many variables has a table that nobody could hold.
pub(crate) fn shading_of_many_dimensions() -> Vec<u8> {
    let shading = "<</ShadingType 1/ColorSpace/DeviceGray/Function 6 0 R>>";
    let keys = format!(
        "/FunctionType 0/Domain[{}]/Range[0 1]/Size[{}]/BitsPerSample 32",
        "0 1 ".repeat(32),
        "65535 ".repeat(32)
    );
    page("/Shading<</S 5 0 R>>", content("/S sh"), vec![shading.as_bytes().to_vec(), stream(&keys, b"table")])
}

/// A mesh of 4,000,000 triangles, each as large as the page.
pub(crate) fn mesh() -> Vec<u8> {
    let keys = "/ShadingType 4/ColorSpace/DeviceGray/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8\
                /Decode[0 612 0 792 0 1]/Filter/FlateDecode";
    let triangle = [0, 0, 0, 0, 0, 255, 0, 99, 0, 0, 255, 200];
    let data = deflated(&triangle.repeat(40_000), 100);
    page("/Shading<</S 5 0 R>>", content("/S sh"), vec![stream(keys, &data)])
}

/// Ten million fills of the whole page that can be seen through.
pub(crate) fn fills() -> Vec<u8> {
    let data = deflated(&b"/G gs 0 0 m 612 9 l 300 792 l f ".repeat(40_000), 250);
    page("/ExtGState<</G<</ca 0.5>>>>", stream("/Filter/FlateDecode", &data), Vec::new())
}

/// Groups within groups, each of which needs a page of its own.
pub(crate) fn groups() -> Vec<u8> {
    let keys = |next: usize| {
        format!(
            "/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Group<</S/Transparency/I true>>\
             /Resources<</XObject<</F {next} 0 R>>/ExtGState<</G<</ca 0.5/BM/Multiply>>>>>>"
        )
    };
    let draw = "/G gs /F Do ".repeat(6);
    let forms: Vec<Vec<u8>> = (0..40).map(|form| stream(&keys(form + 6), draw.as_bytes())).collect();
    page("/XObject<</F 5 0 R>>", content("/F Do"), forms)
}

/// A dash of a billionth of a point along a line across the page.
pub(crate) fn dashes() -> Vec<u8> {
    page("", content("[0.000001] 0 d 1 w 0 0 m 612 792 l S"), Vec::new())
}

/// A line of a billion miles.
pub(crate) fn endless_path() -> Vec<u8> {
    page(
        "",
        content("[1] 0 d 1 w 0 0 m 1e30 1e30 l S 0 0 m 99999999999 -99999999999 l -9999999 999999999999 l f"),
        Vec::new(),
    )
}
