//! Generates the parser from `src/cascade.lalrpop`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=src/cascade.lalrpop");
    lalrpop::Configuration::new().set_in_dir("src").set_out_dir(std::env::var("OUT_DIR")?).never_use_colors().process()
}
