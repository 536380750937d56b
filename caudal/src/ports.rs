//! Ports: whether they can be had, and free ones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::failure::Failure;

/// Listens, or says which port cannot be had and what to do about it.
///
/// # Errors
/// [`Failure::Environment`].
pub async fn listen(what: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| busy(what, address, &error))
}

/// `count` ports of loopback beginning with `first`, or free ones when it is 0. They are let go again at
/// once, so that their owners can take them.
///
/// # Errors
/// [`Failure::Usage`] when there are not so many ports, [`Failure::Environment`] naming the one in use.
pub async fn in_a_row(first: u16, names: &[&str]) -> Result<Vec<u16>, Failure> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut held = Vec::new();
    for (offset, name) in (0..).zip(names) {
        let port = match first {
            0 => 0,
            first => first.checked_add(offset).ok_or_else(|| {
                Failure::usage(format!("--port {first}: {} ports do not fit above it", names.len()))
            })?,
        };
        held.push(listen(name, SocketAddr::new(loopback, port)).await?);
    }
    let ports = held.iter().map(|listener| listener.local_addr().map(|address| address.port()));
    ports
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::environment(format!("a port has no number: {error}")))
}

/// The failure of a port that cannot be had.
pub fn busy(what: &str, address: SocketAddr, error: &std::io::Error) -> Failure {
    let cure = match error.kind() {
        std::io::ErrorKind::AddrInUse => "end the program that has it, or choose another port",
        std::io::ErrorKind::PermissionDenied => "choose a port above 1023",
        _ => "choose an address of this machine",
    };
    Failure::environment(format!("{address} cannot be listened at for the {what} ({error}): {cure}"))
}
