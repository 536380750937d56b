//! The command line: what can be asked for, and how it is said.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Caudal, a self-hosted payment hub for Latin America, with a sandbox of its providers.
#[derive(Debug, Parser)]
#[command(name = "caudal", version, propagate_version = true, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 something was found, 2 a flag or a setting is wrong, \
    3 the machine lacks something.")]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// How logs are written to standard error.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Auto, env = "CAUDAL_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it all on this machine: hub, sandbox and a demo shop, with orders in every state.
    Demo(DemoOptions),
    /// Serve the hub: API, notices, pages, and the workers behind them.
    #[command(after_help = SERVE_HELP)]
    Serve(ServeOptions),
    /// Run the workers only: look-ups at providers and deliveries of events.
    Work(ConfigurationOptions),
    /// Bring the database's schema up to date.
    Migrate(MigrateOptions),
    /// Serve simulated providers on loopback, with a steering port and its page.
    Sandbox(SandboxOptions),
    /// Check configuration, keys, database, ports and clock, and say what is wrong.
    Doctor(DoctorOptions),
    /// Write the whole database into one file, while the hub serves.
    Backup(BackupOptions),
    /// Fill an empty database from a backup.
    Restore(RestoreOptions),
    /// Give everything sealed to the first master key, while the hub serves.
    #[command(after_help = ROTATE_KEYS_HELP)]
    RotateKeys(RotateKeysOptions),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

const SERVE_HELP: &str = "\
A first configuration:
  caudal serve --print-default-config > caudal.toml    every setting, explained
  caudal doctor --new-master-key > master.key          then chmod 600 master.key
  caudal doctor --new-api-key                          a key for the merchant and its hash for the file
  caudal doctor                                        says what is still wrong";

const ROTATE_KEYS_HELP: &str = "\
To change the master key:
  1. put a new key (caudal doctor --new-master-key) below the old one in the master key file, restart every process
  2. move the new key to the first line, restart every process
  3. caudal rotate-keys
  4. after eight days, and when no payment of the old key's time is open, take the old key out, restart every process";

/// Where the configuration comes from.
#[derive(Debug, Clone, Args)]
pub struct ConfigurationOptions {
    /// The configuration file; without it, caudal.toml where there is one. Variables such as
    /// CAUDAL_HUB__LISTEN override single settings.
    #[arg(long, value_name = "FILE", env = "CAUDAL_CONFIG")]
    pub config: Option<PathBuf>,
}

/// What `serve` is told.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// Leave look-ups and deliveries to `caudal work` in processes of their own.
    #[arg(long)]
    pub without_workers: bool,

    /// Print the configuration in force, secrets hidden, and end.
    #[arg(long, conflicts_with = "print_default_config")]
    pub print_config: bool,

    /// Print the commented default configuration, which documents every setting, and end.
    #[arg(long)]
    pub print_default_config: bool,
}

/// What `migrate` is told.
#[derive(Debug, Args)]
pub struct MigrateOptions {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `backup` is told.
#[derive(Debug, Args)]
pub struct BackupOptions {
    /// The file to write; it must not be there yet.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `restore` is told.
#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// A file that `backup` wrote.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `rotate-keys` is told.
#[derive(Debug, Args)]
pub struct RotateKeysOptions {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `sandbox` is told.
#[derive(Debug, Args)]
pub struct SandboxOptions {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// First port: the steering port; the providers have the ports after it. 0 takes free ports.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Let the providers speak TLS 1.2 and 1.3 only, and write the authority to trust to FILE (as SSL_CERT_FILE).
    #[arg(long, value_name = "FILE")]
    pub tls: Option<PathBuf>,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `doctor` is told.
#[derive(Debug, Args)]
pub struct DoctorOptions {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationOptions,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,

    /// Print a new API key and the hash that goes into the configuration, and end.
    #[arg(long, conflicts_with = "new_master_key")]
    pub new_api_key: bool,

    /// Print a new master key, and end.
    #[arg(long)]
    pub new_master_key: bool,
}

/// What `demo` is told.
#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// Where keys and the SQLite file are kept; without it, caudal/demo in the user's data directory.
    #[arg(long, value_name = "DIRECTORY")]
    pub data: Option<PathBuf>,

    /// Begin anew: forget what an earlier demo kept in the data directory.
    #[arg(long)]
    pub fresh: bool,

    /// First of the ports: hub, steering, shop, and one for each provider. 0 takes free ports.
    #[arg(long, value_name = "PORT", default_value_t = 4040)]
    pub port: u16,

    /// Another database: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,

    /// The shop opens a provider's page in a frame over its own, where the provider offers that.
    #[arg(long)]
    pub lightbox: bool,

    /// Walk orders with every provider to their ends without a browser, compare three witnesses, and end. It keeps its data
    /// in a directory of its own.
    #[arg(long, conflicts_with = "fresh")]
    pub tour: bool,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}
