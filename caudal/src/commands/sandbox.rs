//! `caudal sandbox`: simulated providers, each on its port, with a steering port and its page.

use std::net::SocketAddr;

use sandbox::{AllowedTargets, Mount, Sandbox, SandboxConfig, StartError};
use serde_json::json;

use crate::command_line::SandboxOptions;
use crate::failure::Failure;
use crate::{configuration, ports, registry, screen, signals};

/// Serves the sandbox until it is told to stop.
///
/// # Errors
/// [`Failure`] of configuration or port.
pub async fn run(options: &SandboxOptions) -> Result<(), Failure> {
    let settings = configuration::load_sandbox(options.configuration.config.as_deref())?;
    let first = options.port.unwrap_or(settings.port);
    let at = |offset: usize| {
        let offset = u16::try_from(offset).ok()?;
        let port = if first == 0 { Some(0) } else { first.checked_add(offset) };
        port.map(|port| SocketAddr::new(settings.address, port))
    };
    let too_few = || Failure::usage(format!("--port {first}: there are not enough ports above it"));
    let mut mounts = Vec::new();
    for (place, simulator) in registry::simulators().into_iter().enumerate() {
        let address = at(place + 1).ok_or_else(too_few)?;
        mounts.push(Mount { simulator, address, public_scheme: "http" });
    }
    let mut config = SandboxConfig::new(mounts);
    config.steering = at(0).ok_or_else(too_few)?;
    config.seed = settings.seed;
    config.tls = options.tls.is_some();
    if settings.allow_public_targets {
        config.allowed_targets = AllowedTargets::Anywhere;
    }
    let stop = signals::stop_on_signal()?;
    let running = Sandbox::start(config).await.map_err(|error| failure(&error))?;
    if let (Some(file), Some(authority)) = (&options.tls, running.authority_pem()) {
        std::fs::write(file, authority).map_err(|error| {
            Failure::environment(format!("{} cannot be written: {error}", file.display()))
        })?;
    }
    let status = running.steering.status();
    if options.json {
        let providers: Vec<_> =
            status.providers.iter().map(|provider| json!({ "provider": provider.id, "address": provider.address, "origin": provider.origin })).collect();
        screen::json(
            &json!({ "steering": running.steering_address(), "seed": status.seed, "providers": providers }),
        );
    } else {
        screen::line(format!("Steering page     http://{}/", running.steering_address()));
        for provider in &status.providers {
            screen::line(format!("{:<18}{}/", provider.id, provider.origin));
        }
        screen::line(
            "Everything here is volatile and moves no money. Open an account on the steering page. Ctrl-C ends it.",
        );
    }
    stop.cancelled().await;
    running.shut_down().await;
    Ok(())
}

/// Why a sandbox does not start, with the cure.
pub fn failure(error: &StartError) -> Failure {
    match error {
        StartError::Listen { what, address, source } => {
            ports::busy(&format!("sandbox's {what}"), *address, source)
        }
        StartError::ProviderTwice(_) | StartError::Identity(_) | StartError::Client(_) => {
            Failure::environment(error.to_string())
        }
    }
}
