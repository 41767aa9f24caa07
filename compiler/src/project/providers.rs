//! `[providers.…]` of `cascade.toml`: how the providers of models are reached.

use toml::de::DeValue;

use super::{
    Project,
    read::{Reader, Value, describe_kind},
    settings,
};

/// The settings of one provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its name: `anthropic`.
    pub name: String,
    /// The address of its API.
    pub base_url: Option<String>,
    /// The environment variables that may hold the key.
    pub key_env: Vec<String>,
    /// A program and its arguments that print the key.
    pub key_command: Vec<String>,
    /// Headers of each request.
    pub headers: Vec<(String, Text)>,
    /// The proxy: an address, or `none`.
    pub proxy: Option<Text>,
}

/// A text, or the name of the environment variable that has it: `env:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// The text.
    Plain(String),
    /// The environment variable.
    Variable(String),
}

impl Text {
    fn parse(text: String) -> Self {
        match text.strip_prefix("env:") {
            Some(name) => Self::Variable(name.to_owned()),
            None => Self::Plain(text),
        }
    }
}

impl Reader {
    pub(super) fn providers(&mut self, value: &Value<'_>, project: &mut Project) {
        let Some(table) = self.table(value, "[providers]") else { return };
        for (key, value) in table {
            let name = &**key.get_ref();
            match settings::PROVIDERS.contains(&name) {
                true => project.providers.extend(self.provider(name, value)),
                false => self.report_unknown("provider", name, key.span(), settings::PROVIDERS),
            }
        }
    }

    fn provider(&mut self, name: &str, section: &Value<'_>) -> Option<Provider> {
        let found = self.settings(section, &format!("[providers.{name}]"), settings::PROVIDER)?;
        let mut out = Provider { name: name.to_owned(), ..Provider::default() };
        for (key, value) in found {
            match key {
                "base_url" => out.base_url = self.address(value),
                "key_env" => {
                    out.key_env = match value.get_ref() {
                        DeValue::Array(_) => self.texts(value, "key_env", "[\"TEAM_KEY\", \"OWN_KEY\"]"),
                        _ => self.text(value).into_iter().collect(),
                    };
                }
                "key_command" => out.key_command = self.texts(value, "key_command", "[\"pass\", \"show\", \"key\"]"),
                "headers" => out.headers = self.headers(value),
                "proxy" => out.proxy = self.proxy(value),
                _ => {}
            }
        }
        if !out.key_command.is_empty() && !out.key_env.is_empty() {
            let d = self
                .value_error(section, format!("the key of `{name}` comes from a command or from the environment"))
                .label("has `key_command` and `key_env`");
            self.push(d.help("keep one of them"));
        }
        if name == "openai_compatible" && out.base_url.is_none() {
            let d = self
                .value_error(section, "the settings of `openai_compatible` are for one server, and `base_url` names it")
                .label("has no `base_url`");
            self.push(d.help("write the `base_url` of the models that these settings are for"));
        }
        Some(out)
    }

    /// A list of texts, which is not empty.
    pub(super) fn texts(&mut self, value: &Value<'_>, name: &str, example: &str) -> Vec<String> {
        let items = value.get_ref().as_array().filter(|items| !items.is_empty());
        let Some(items) = items else {
            let d = self.value_error(value, format!("`{name}` must be a list of texts")).label(describe_kind(value));
            self.push(d.help(format!("write `{name} = {example}`")));
            return Vec::new();
        };
        items.iter().filter_map(|item| self.text(item)).collect()
    }

    pub(super) fn address(&mut self, value: &Value<'_>) -> Option<String> {
        let text = self.text(value)?;
        if text.starts_with("https://") || text.starts_with("http://") {
            return Some(text);
        }
        let d = self.value_error(value, "an address begins with `https://` or `http://`").label("no address");
        self.push(d);
        None
    }

    fn proxy(&mut self, value: &Value<'_>) -> Option<Text> {
        let proxy = Text::parse(self.text(value)?);
        match &proxy {
            Text::Plain(text) if text != "none" => {
                self.address(value)?;
                let authority = text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
                if authority.is_some_and(|authority| authority.contains('@')) {
                    let d = self.value_error(value, "a password must not stand in `cascade.toml`").label("has one");
                    self.push(d.help("write `proxy = \"env:TEAM_PROXY\"`, and put the address into that variable"));
                    return None;
                }
            }
            _ => {}
        }
        Some(proxy)
    }

    fn headers(&mut self, value: &Value<'_>) -> Vec<(String, Text)> {
        let Some(table) = self.table(value, "headers") else { return Vec::new() };
        let mut out = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            // RFC 9110, 5.6.2.
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(is_token) {
                self.report_bad_key(key.span(), format!("`{name}` is no name of a header"));
                continue;
            }
            let Some(text) = self.text(value) else { continue };
            if text.chars().any(|c| c.is_control() || !c.is_ascii()) {
                let d = self.value_error(value, "a header has ASCII characters on one line").label("has others");
                self.push(d);
                continue;
            }
            out.push((name, Text::parse(text)));
        }
        out
    }
}
