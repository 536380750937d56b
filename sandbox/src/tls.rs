//! The sandbox behind TLS: versions 1.2 and 1.3 and no other, with a certificate of its own making.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use tokio_rustls::TlsAcceptor;

/// A certificate for this machine's names, and the authority that a client has to trust for it. Both are new at each
/// start; the authority's key is forgotten at once.
pub struct Identity {
    /// Shakes hands.
    pub acceptor: TlsAcceptor,
    /// The authority's certificate, for clients.
    pub authority_pem: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// It cannot be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// It cannot be served.
    #[error("a certificate cannot be served: {0}")]
    Tls(#[from] rustls::Error),
}

impl Identity {
    /// Makes an authority and a certificate for loopback, `localhost` and these names.
    pub fn make(names: &[String]) -> Result<Self, IdentityError> {
        let mut authority = CertificateParams::default();
        authority
            .distinguished_name
            .push(DnType::CommonName, "Sandbox authority, not to be trusted elsewhere");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut served = CertificateParams::new([&["localhost".to_owned()], names].concat())?;
        served.distinguished_name.push(DnType::CommonName, "Sandbox");
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        served.subject_alt_names.extend(loopback.map(SanType::IpAddress));
        let key = KeyPair::generate()?;
        let certificate = served.signed_by(&key, &authority)?;

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS12, &TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority_pem: authority.pem() })
    }
}

/// A version as people write it.
pub fn version_name(version: Option<rustls::ProtocolVersion>) -> Option<String> {
    version.map(|version| match version {
        rustls::ProtocolVersion::TLSv1_2 => "1.2".to_owned(),
        rustls::ProtocolVersion::TLSv1_3 => "1.3".to_owned(),
        other => format!("{other:?}"),
    })
}
