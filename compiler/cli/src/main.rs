//! The `cascadec` command.
fn main() {
    let mut bad = false;
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name).unwrap_or_default();
        let c = cascade_compiler::compile(&name, text.into(), &cascade_compiler::FileSources);
        print!("{}", cascade_compiler::render::render(&c.diagnostics, &c.sources, cascade_compiler::render::Format::Human, false));
        bad |= c.failed();
    }
    std::process::exit(i32::from(bad));
}
