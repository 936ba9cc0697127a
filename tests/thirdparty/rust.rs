// rust.rs - for `make thirdparty-test`: arguments, input, maps, files, directories, errors.
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    println!("{} arguments: {:?}", args.len(), args);
    let mut words: BTreeMap<String, u32> = BTreeMap::new();
    for line in io::stdin().lock().lines() {
        for w in line?.split_whitespace() {
            *words.entry(w.to_lowercase()).or_insert(0) += 1;
        }
    }
    let mut top: Vec<_> = words.iter().collect();
    top.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (w, n) in top.iter().take(5) {
        println!("{} {}", n, w);
    }
    fs::create_dir_all("made/deep")?;
    let mut f = fs::File::create("made/deep/file")?;
    for i in 0..1000 {
        writeln!(f, "{} {}", i, i * i)?;
    }
    fs::rename("made/deep/file", "made/moved")?;
    println!("{} bytes", fs::metadata("made/moved")?.len());
    fs::remove_dir("made/deep")?;
    let mut names: Vec<_> = fs::read_dir("made")?.map(|e| e.unwrap().file_name()).collect();
    names.sort();
    println!("{:?}", names);
    println!("{:?}", fs::read("nonesuch").map_err(|e| e.kind()));
    Ok(())
}
