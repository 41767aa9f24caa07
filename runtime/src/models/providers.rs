//! How providers of models are reached: by what the program says, the environment, and the settings of the project.

use std::{collections::HashMap, env, sync::Arc};

use cascade_ir::{Model, Program};

use super::{Dialect, key_command::KeyCommand};
use crate::{agents, interpreter::Availability, value::Secret};

/// A provider as it is reached if nothing else is said.
pub(super) struct Provider {
    pub(super) dialect: Dialect,
    /// The environment variables that may hold the key.
    keys: &'static [&'static str],
    base_env: Option<&'static str>,
    base: &'static str,
}

const ANTHROPIC: Provider = Provider {
    dialect: Dialect::Anthropic,
    keys: &["ANTHROPIC_API_KEY"],
    base_env: Some("ANTHROPIC_BASE_URL"),
    base: "https://api.anthropic.com",
};
const OPENAI: Provider = Provider {
    dialect: Dialect::Responses,
    keys: &["OPENAI_API_KEY"],
    base_env: Some("OPENAI_BASE_URL"),
    base: "https://api.openai.com/v1",
};
const COMPATIBLE: Provider = Provider { dialect: Dialect::Chat, keys: &[], base_env: None, base: "" };
const GOOGLE: Provider = Provider {
    dialect: Dialect::Gemini,
    keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    base_env: Some("GOOGLE_GEMINI_BASE_URL"),
    base: "https://generativelanguage.googleapis.com",
};

pub(super) fn find_provider(name: &str) -> Option<&'static Provider> {
    Some(match name {
        "anthropic" => &ANTHROPIC,
        "openai" => &OPENAI,
        "openai_compatible" => &COMPATIBLE,
        "google" => &GOOGLE,
        _ => return None,
    })
}

/// Headers that carry a key: with one of them a provider needs no other.
const KEY_HEADERS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];

/// A text of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingText {
    /// As it stands there. It is not secret.
    Plain(String),
    /// The value of an environment variable, which is a secret.
    Variable(String),
}

impl SettingText {
    /// The text, and whether it is secret.
    ///
    /// # Errors
    /// Which variable is not set.
    fn read(&self) -> Result<(String, bool), String> {
        match self {
            Self::Plain(text) => Ok((text.clone(), false)),
            Self::Variable(name) => match environment_variable(name) {
                Some(value) => Ok((value, true)),
                None => Err(format!("`{name}` is not set")),
            },
        }
    }
}

/// The way to a provider, past the network's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxySetting {
    /// No proxy, whatever the environment says.
    None,
    /// This one.
    Address(SettingText),
}

/// The settings of a project for one provider.
///
/// Its headers and its key are for the provider's own address, or for `base_url`: a model that names another address
/// gets neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The address of its API, if neither the model nor the environment names one.
    pub base_url: Option<String>,
    /// The environment variables that may hold the key, instead of the usual ones.
    pub key_env: Vec<String>,
    /// A program and its arguments that print the key.
    pub key_command: Vec<String>,
    /// Headers of each request.
    pub headers: Vec<(String, SettingText)>,
    /// The proxy; that of the environment if absent.
    pub proxy: Option<ProxySetting>,
}

/// How the providers of a run's models are reached. One of these belongs to one run: its key commands run once.
#[derive(Debug, Default)]
pub struct Providers {
    settings: HashMap<String, ProviderSettings>,
    commands: HashMap<String, Arc<KeyCommand>>,
}

/// Where a key comes from.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    /// The provider needs none.
    None,
    /// It is known.
    Known(Secret),
    /// A command prints it.
    Command(Arc<KeyCommand>),
}

/// Why a model cannot be asked.
pub(super) enum Obstacle {
    UnknownProvider,
    NoBaseUrl,
    /// The variables any of which would hold the key.
    NoKey(Vec<String>),
    /// What else it needs is not there, in words.
    NotSet(String),
}

/// How a model is reached.
pub(super) struct Access {
    pub(super) dialect: Dialect,
    pub(super) base: String,
    pub(super) key: Key,
    /// Headers of the project, with whether each is secret.
    pub(super) headers: Vec<(String, String, bool)>,
    /// The proxy: `Some("")` is none at all.
    pub(super) proxy: Option<String>,
}

impl Providers {
    /// With the settings of a project, by the names of providers.
    pub fn new(settings: impl IntoIterator<Item = (String, ProviderSettings)>) -> Self {
        let settings: HashMap<_, _> = settings.into_iter().collect();
        let command = |(name, of): (&String, &ProviderSettings)| {
            (!of.key_command.is_empty()).then(|| (name.clone(), Arc::new(KeyCommand::new(name, &of.key_command))))
        };
        Self { commands: settings.iter().filter_map(command).collect(), settings }
    }

    /// How a model is reached.
    pub(super) fn access(&self, model: &Model) -> Result<Access, Obstacle> {
        let provider = find_provider(&model.provider).ok_or(Obstacle::UnknownProvider)?;
        let settings = self.settings.get(model.provider.as_str());
        let of_project = settings.and_then(|settings| settings.base_url.as_deref());
        let base = model
            .base_url
            .clone()
            .or_else(|| provider.base_env.and_then(environment_variable))
            .unwrap_or_else(|| of_project.unwrap_or(provider.base).to_owned());
        let base = trim_base(&base);
        if base.is_empty() {
            return Err(Obstacle::NoBaseUrl);
        }
        let is_meant = model.base_url.is_none() || of_project.is_some_and(|known| trim_base(known) == base);
        let settings = settings.filter(|_| is_meant);
        let mut headers = Vec::new();
        for (name, value) in settings.map(|settings| settings.headers.as_slice()).unwrap_or_default() {
            let (value, secret) =
                value.read().map_err(|why| Obstacle::NotSet(format!("{why}, which the header `{name}` needs")))?;
            headers.push((name.to_ascii_lowercase(), value, secret));
        }
        let has_key = headers.iter().any(|(name, ..)| KEY_HEADERS.contains(&name.as_str()));
        let key = match has_key {
            true => Key::None,
            false => self.key(model, provider, settings)?,
        };
        let proxy = match settings.and_then(|settings| settings.proxy.as_ref()) {
            None => None,
            Some(ProxySetting::None) => Some(String::new()),
            Some(ProxySetting::Address(address)) => {
                let read = address.read().map_err(|why| Obstacle::NotSet(format!("{why}, which the proxy needs")))?;
                Some(read.0)
            }
        };
        Ok(Access { dialect: provider.dialect, base, key, headers, proxy })
    }

    /// The key with which a model is asked.
    ///
    /// # Errors
    /// When it needs one and the environment has none: which variables would hold it.
    fn key(&self, model: &Model, provider: &Provider, settings: Option<&ProviderSettings>) -> Result<Key, Obstacle> {
        let names: Vec<&str> = match (&model.key_env, settings) {
            (Some(name), _) => vec![name],
            (None, Some(settings)) if !settings.key_command.is_empty() => {
                return match self.commands.get(model.provider.as_str()) {
                    Some(command) => Ok(Key::Command(Arc::clone(command))),
                    None => Err(Obstacle::NotSet("its key command is missing".to_owned())),
                };
            }
            (None, Some(settings)) if !settings.key_env.is_empty() => {
                settings.key_env.iter().map(String::as_str).collect()
            }
            (None, _) if provider.keys.is_empty() => return Ok(Key::None),
            (None, _) => provider.keys.to_vec(),
        };
        match names.iter().find_map(|name| environment_variable(name)) {
            Some(key) => Ok(Key::Known(Secret::new(&key))),
            None => Err(Obstacle::NoKey(names.iter().map(|name| (*name).to_owned()).collect())),
        }
    }

    /// Which models of a program are available.
    pub fn availability(&self, program: &Program) -> Vec<Availability> {
        let of = |model: &Model| match self.access(model) {
            _ if model.is_agent() => agents::availability_of(model),
            Ok(_) => Availability::Available,
            Err(Obstacle::NoKey(variables)) => Availability::NoKey(variables),
            Err(obstacle) => Availability::Missing(obstacle.describe(model)),
        };
        program.models.iter().map(of).collect()
    }

    /// Why a model cannot be asked, for a place beside its name; `None`: it can.
    pub fn why_unavailable(&self, model: &Model) -> Option<String> {
        match model.is_agent() {
            true => agents::why_no_agent(model),
            false => self.access(model).err().map(|obstacle| obstacle.describe(model)),
        }
    }

    /// What is secret of the ways to the models of a program, as far as it is known before the run.
    pub(crate) fn secrets(&self, program: &Program) -> Vec<String> {
        let mut out = Vec::new();
        for access in program.models.iter().filter_map(|model| self.access(model).ok()) {
            if let Key::Known(key) = access.key {
                out.push(key.reveal().to_owned());
            }
            out.extend(access.headers.into_iter().filter(|(_, _, secret)| *secret).map(|(_, value, _)| value));
            let password = access.proxy.and_then(|proxy| url::Url::parse(&proxy).ok()?.password().map(str::to_owned));
            out.extend(password);
        }
        out
    }
}

impl Obstacle {
    /// In words, for a place beside the model's name.
    pub(super) fn describe(&self, model: &Model) -> String {
        match self {
            Self::UnknownProvider => {
                format!("provider `{}` is not supported by this version of Cascade", model.provider)
            }
            Self::NoBaseUrl => "it has no base URL".to_owned(),
            Self::NoKey(variables) => Availability::NoKey(variables.clone()).obstacle().unwrap_or_default(),
            Self::NotSet(reason) => reason.clone(),
        }
    }
}

/// The key of a model in the environment, where one is set: for agents, which may be signed in without one.
pub(crate) fn key_in_environment(model: &Model) -> Option<String> {
    let names: &[&str] = match model.provider.as_str() {
        "gemini_cli" => GOOGLE.keys,
        "codex_cli" if base_url_of_codex(model).is_some() => OPENAI.keys,
        name => find_provider(name).map_or(&[], |provider| provider.keys),
    };
    match &model.key_env {
        Some(name) => environment_variable(name),
        None => names.iter().find_map(|name| environment_variable(name)),
    }
}

/// The address of a service other than that of OpenAI, where the model or the environment names one.
pub(crate) fn base_url_of_codex(model: &Model) -> Option<String> {
    model.base_url.clone().or_else(|| OPENAI.base_env.and_then(environment_variable))
}

fn trim_base(base: &str) -> String {
    base.trim().trim_end_matches('/').to_owned()
}

/// A non-empty environment variable.
fn environment_variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|v| !v.trim().is_empty())
}
