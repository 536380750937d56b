//! The throwaway PostgreSQL cluster of a run.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

#[tokio::test]
async fn a_cluster_ends_although_its_process_was_killed() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_with-postgres"))
        // The inner command ends when its input does, which is held here.
        .args(["sh", "-c", r#"echo "$CAUDAL_TEST_POSTGRES_URL"; exec cat"#])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut url = String::new();
    BufReader::new(run.stdout.take().expect("a pipe")).read_line(&mut url).expect("a line");
    let address = url.split(['@', '/']).find(|part| part.starts_with("127.0.0.1:")).map(str::to_owned);
    let listens = address.as_ref().is_some_and(|address| TcpStream::connect(address).is_ok());
    // SIGKILL: the process has no chance to clean up.
    run.kill().expect("it was running, or has just ended");
    run.wait().expect("it has ended");
    let Some(address) = address else {
        assert!(!testing::nothing_may_be_skipped(), "there is no cluster: {url:?}");
        return;
    };
    assert!(listens, "nobody listens on {address}");
    let gone = async || TcpStream::connect(&address).is_err().then_some(());
    testing::until(Duration::from_secs(10), gone).await;
}

#[test]
fn a_command_with_a_cluster_ends_as_the_command_ends() {
    let ended = Command::new(env!("CARGO_BIN_EXE_with-postgres")).args(["sh", "-c", "exit 7"]).status();
    let code = ended.expect("the program runs").code();
    let no_cluster = code == Some(3) && !testing::nothing_may_be_skipped();
    assert!(code == Some(7) || no_cluster, "{code:?}");
}
