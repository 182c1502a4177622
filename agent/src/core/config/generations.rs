//! The block about generations.

use kdl::{KdlEntry, KdlNode};
use lastword_config::{ConfigError, Source};
use lastword_generation::signature::{KeyId, TrustedKeys, VerifyingKey};
use std::path::PathBuf;

const KEYS: &[&str] = &[
    "directory",
    "trust",
    "revoke",
    "compatible",
    "keep",
    "allow-older",
    "before-switch",
    "after-switch",
];

/// The most generations that may be kept besides those that are needed.
const KEEP_MAX: u32 = 1_000;

/// Generations: who may sign them, and which this board takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationConfig {
    /// The directory of generations; `None`: the platform's. Services of any user must be able to reach it.
    pub directory: Option<PathBuf>,
    /// The keys whose signatures count, and those whose no longer do.
    pub keys: TrustedKeys,
    /// The kinds of board that this one is.
    pub compatible: Vec<String>,
    /// The number of generations that are kept besides the current, the previous and the pending one.
    pub keep: u16,
    /// A request may go below the highest security version that was confirmed.
    pub allows_older_security: bool,
    /// The program that is asked before the switch: it may say not now. Empty: none.
    pub before_switch: Vec<String>,
    /// The program that is run behind the switch. Empty: none.
    pub after_switch: Vec<String>,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self {
            directory: None,
            keys: TrustedKeys::default(),
            compatible: Vec::new(),
            keep: 2,
            allows_older_security: false,
            before_switch: Vec::new(),
            after_switch: Vec::new(),
        }
    }
}

/// Reads the block.
pub(super) fn generations(
    source: &Source<'_>,
    node: &KdlNode,
) -> Result<GenerationConfig, ConfigError> {
    let mut config = GenerationConfig::default();
    source.each_once(source.children(node, KEYS)?, |node| {
        match node.name().value() {
            "directory" => {
                let entry = source.argument(node, "a directory")?;
                config.directory = Some(source.path(entry)?);
            }
            "trust" => config.keys.trusted = trusted(source, node)?,
            "revoke" => config.keys.revoked = revoked(source, node)?,
            "compatible" => config.compatible = words(source, node, "a kind of board is missing")?,
            "keep" => {
                let entry = source.argument(node, "a number")?;
                let keep = source.integer(entry, 0, KEEP_MAX)?;
                config.keep = u16::try_from(keep).unwrap_or(u16::MAX);
            }
            "allow-older" => {
                let entry = source.argument(node, "#true or #false")?;
                config.allows_older_security = source.boolean(entry)?;
            }
            "before-switch" => config.before_switch = words(source, node, "a program is missing")?,
            "after-switch" => config.after_switch = words(source, node, "a program is missing")?,
            _ => return Err(source.unknown(node, KEYS)),
        }
        Ok(())
    });
    Ok(config)
}

/// Reads public keys, each as the second line of the file that `gen keygen` and `minisign -G` write.
fn trusted(source: &Source<'_>, node: &KdlNode) -> Result<Vec<VerifyingKey>, ConfigError> {
    let entries = source.arguments(node)?;
    if entries.is_empty() {
        return Err(source.at_node(node, "a public key is missing"));
    }
    let key = |entry: &KdlEntry| {
        let wanted = "a public key is the second line of a .pub file, such as \"RWQ…\"";
        VerifyingKey::parse(source.text(entry)?).map_err(|_| source.at_entry(entry, wanted))
    };
    entries.iter().map(key).collect()
}

fn revoked(source: &Source<'_>, node: &KdlNode) -> Result<Vec<KeyId>, ConfigError> {
    let key = |entry: &KdlEntry| {
        let wanted =
            "a key's number is 16 hexadecimal digits, as the first line of its .pub file has them";
        KeyId::from_hexadecimal(source.text(entry)?).ok_or_else(|| source.at_entry(entry, wanted))
    };
    source.arguments(node)?.iter().map(key).collect()
}

fn words(source: &Source<'_>, node: &KdlNode, missing: &str) -> Result<Vec<String>, ConfigError> {
    let entries = source.arguments(node)?;
    let words = entries
        .iter()
        .map(|word| source.text(word).map(str::to_owned));
    let words: Vec<_> = words.collect::<Result<_, _>>()?;
    if words.is_empty() {
        return Err(source.at_node(node, missing));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use crate::core::config::Config;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn read(block: &str) -> Result<Config, String> {
        let text = format!("generations {{\n{block}\n}}");
        Config::parse("agent.kdl", &text).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_block_is_read() {
        let config = read(&format!(
            "directory \"/srv/g\"\ntrust \"{KEY}\"\nrevoke \"E7620F1842B4E81F\"\n\
             compatible \"gateway\" \"gateway-2\"\nkeep 5\nallow-older #true\nbefore-switch \"/bin/x\" \"now\""
        ));
        let generations = config.unwrap().generations.unwrap();
        assert_eq!(generations.keys.trusted.len(), 1);
        assert_eq!(generations.keys.revoked.len(), 1);
        assert_eq!(generations.compatible, ["gateway", "gateway-2"]);
        assert_eq!(
            (generations.keep, generations.allows_older_security),
            (5, true)
        );
        assert_eq!(generations.before_switch, ["/bin/x", "now"]);
        assert_eq!(Config::parse("agent.kdl", "").unwrap().generations, None);
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        for (block, expected) in [
            ("trust", "2:1: generations.trust: a public key is missing"),
            (
                "trust \"x\"",
                "2:7: generations.trust: a public key is the second line",
            ),
            (
                "revoke \"x\"",
                "2:8: generations.revoke: a key's number is 16",
            ),
            (
                "compatible",
                "2:1: generations.compatible: a kind of board is missing",
            ),
            ("keep 1001", "2:6: generations.keep: "),
            ("keeps 1", "2:1: generations: unknown key \"keeps\""),
        ] {
            let error = read(block).unwrap_err();
            let expected = format!("agent.kdl:{expected}");
            assert!(error.starts_with(&expected), "{block}: {error}");
        }
    }
}
