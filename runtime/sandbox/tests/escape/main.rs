//! Tries to get out of a sandbox, in every way that is known here, and prints what was tried and what held.
//!
//! The attacker is this very program, which is started in the sandbox with the name of an attack. Each attack is made as
//! the user who runs the tests and, for the superuser, as an ordinary user too; with namespaces and without; with the
//! network off, on, and with the proxy.
#![allow(unsafe_code, clippy::panic)] // attacks are system calls
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test says what went wrong by failing

mod attacks;
mod network;
mod stage;

use stage::{Access, Outside, Setting, settings};

/// What a setting is known not to hold, and says so ([`cascade_sandbox::Abilities::promises`]).
fn is_known_gap(setting: &Setting, attack: &str) -> bool {
    !setting.namespaces && matches!(attack, "chmod" | "utimes")
}

#[test]
fn nothing_gets_out() {
    let mut failures = Vec::new();
    for setting in settings() {
        let outside = Outside::new(&setting);
        println!("== {setting}");
        for attack in attacks::NAMES.iter().chain(network::NAMES) {
            if let Some(why) = setting.cannot_test(attack) {
                println!("   not tested  {attack}: {why}");
                continue;
            }
            let held = outside.attack(&setting, attack);
            match (&held, is_known_gap(&setting, attack)) {
                (Ok(how), false) => println!("   held        {attack}: {how}"),
                (Ok(how), true) => println!("   held        {attack}: {how} (although it is not promised)"),
                (Err(what), true) => println!("   known gap   {attack}: {what}"),
                (Err(what), false) => {
                    println!("   ESCAPED     {attack}: {what}");
                    failures.push(format!("{setting}: {attack}: {what}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// What a sandbox gives is there: a loopback, and with the network on other machines.
#[test]
fn what_is_promised_works() {
    for setting in settings() {
        let outside = Outside::new(&setting);
        let beyond: &[&str] = if setting.network == Access::On { &["beyond", "local_port"] } else { &[] };
        for task in network::LOOPBACK.iter().filter(|_| setting.has_loopback()).chain(beyond) {
            let done = outside.attack(&setting, task);
            println!("{setting}: {task}: {done:?}");
            assert!(done.is_ok(), "{setting}: {task}: {done:?}");
        }
    }
}

/// Changes of files outside are denied and told; what fails anyway, and what is allowed, is not.
#[test]
fn denied_changes_are_reported() {
    const SCRIPT: &str = r#"
        echo allowed > file && mkdir -p a/b && mv file a/b/file && chmod 700 a/b/file && rm -r a
        echo allowed > /dev/null && echo allowed > "$TMPDIR/x" 2>/dev/null
        cat "$OUT/file" > /dev/null
        rm -f "$OUT/not-there"; mkdir -p "$OUT"; echo x > /not-there/file; cat < "$OUT/not-there"
        echo x > "$OUT/new"; echo x >> "$OUT/file"; (cd "$OUT" && mkdir made; rm -f file; mv file other)
        ln -s "$OUT/file" link && echo x > link
        ln -s elsewhere "$OUT/link"
        true
    "#;
    for setting in settings() {
        let outside = Outside::new(&setting);
        let denied = outside.denied(&setting, SCRIPT);
        let expected = [
            "write OUT/new",
            "write OUT/file",
            "write OUT/made",
            "remove OUT/file",
            "write OUT/other",
            "write OUT/link",
        ];
        assert_eq!(denied, expected, "{setting}");
        let modes: &[&str] = if setting.namespaces { &["change the mode of OUT/file"] } else { &[] };
        assert_eq!(outside.denied(&setting, "chmod 644 \"$OUT/file\" || true"), modes, "{setting}");
    }
}

/// What a gap says of itself: where namespaces are missing, the promise is not held.
#[test]
fn a_gap_is_no_promise() {
    use cascade_sandbox::{Network, Promise};
    let abilities = cascade_sandbox::probe_abilities(stage::helper().as_ref()).unwrap().without_namespaces("the test");
    let held = abilities.promises(&Network::Off);
    let metadata = held.iter().find(|held| held.promise == Promise::Metadata).unwrap();
    assert!(!metadata.held && !metadata.remedy.is_empty(), "{metadata:?}");
}

/// Not a test: what runs in the sandbox.
#[test]
#[ignore = "it is started by the others, in a sandbox"]
fn attack() {
    let Ok(name) = std::env::var("ESCAPE_ATTACK") else { return };
    // The first thread of the test program is not the only one; the exit is the answer.
    match attacks::carry_out(&name) {
        Ok(what) => {
            println!("ESCAPED {what}");
            std::process::exit(10)
        }
        Err(how) => {
            println!("HELD {how}");
            std::process::exit(11)
        }
    }
}
