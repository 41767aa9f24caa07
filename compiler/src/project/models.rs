//! `[models.…]` of `cascade.toml`: other settings of models that programs declare or import.

use toml::de::DeValue;

use super::{
    Project,
    read::{Reader, Value, describe_kind},
    settings,
};

/// What a project says of a model, in place of what its declaration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelSettings {
    /// The name of the model in programs.
    pub name: String,
    /// The provider's own name for it.
    pub id: Option<String>,
    /// The address of its API.
    pub base_url: Option<String>,
    /// The environment variable that holds its key.
    pub key_env: Option<String>,
    /// Its context window in tokens.
    pub context: Option<u64>,
    /// The most tokens of one answer.
    pub max_output: Option<u64>,
}

impl Reader {
    pub(super) fn models(&mut self, value: &Value<'_>, project: &mut Project) {
        let Some(table) = self.table(value, "[models]") else { return };
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let found = self.settings(value, &format!("[models.{name}]"), settings::MODEL);
            let Some(found) = found else { continue };
            let mut out = ModelSettings { name, ..ModelSettings::default() };
            for (key, value) in found {
                match key {
                    "id" => out.id = self.text(value),
                    "base_url" => out.base_url = self.address(value),
                    "key_env" => out.key_env = self.text(value),
                    "context" => out.context = self.tokens(value),
                    "max_output" => out.max_output = self.tokens(value),
                    _ => {}
                }
            }
            project.models.push(out);
        }
    }

    /// A number of tokens.
    fn tokens(&mut self, value: &Value<'_>) -> Option<u64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.to_string().replace('_', "").parse().ok().filter(|n| *n > 0),
            _ => None,
        };
        if number.is_none() {
            let d = self.value_error(value, "expected a number of tokens, such as 200_000").label(describe_kind(value));
            self.push(d);
        }
        number
    }
}
