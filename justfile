# The commands of this project; `.ci/run` runs the first three of `ci`.

# List the commands.
default:
    @just --list

# Everything that CI runs.
ci:
    .ci/run

# Format all files.
fmt:
    cargo fmt --all

# Lints, as errors.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# All tests: the README's command.
test:
    cargo test --workspace

# Licences, sources and duplicates of dependencies.
deny:
    cargo deny check bans licenses sources

# Spelling.
typos:
    typos

# The documentation of the crates, without warnings.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Expectations that a change of messages or grammar makes stale. Read the difference.
update:
    CASCADE_WRITE_UI=1 cargo test -p cascade-tests --test ui
    CASCADE_WRITE_DOCS=1 cargo test -p cascade-compiler --test explain
    CASCADE_WRITE_DOCS=1 cargo test -p cascade-tests --test reference
    INSTA_UPDATE=always TRYCMD=overwrite cargo test -p cascade-tests

# The figures of docs/figures.md.
figures:
    cargo build --release -p cascadec
    cargo bench -p cascade-tests
    cargo bench -p cascade-runtime

# Fuzz the parser, the formatter and the checker, each for some seconds.
fuzz seconds="60":
    tests/fuzz.sh {{ seconds }}
