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
    "commands",
];

const COMMAND_KEYS: &[&str] = &[
    "preset", "realise", "set", "switch", "verify", "rollback", "deferred",
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
    /// The programs that switch in place of the agent; `None`: the agent moves a link.
    pub commands: Option<SwitchCommands>,
}

/// Programs that switch generations: a boot loader's, a system's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchCommands {
    /// Makes ready what the tree only names. Empty: nothing is.
    pub realise: Vec<String>,
    /// Writes down which generation comes. Empty: nothing does.
    pub set: Vec<String>,
    /// Switches to it.
    pub switch: Vec<String>,
    /// Prints the name of the generation that the board runs, or nothing.
    pub verify: Vec<String>,
    /// Switches back. Empty: the same as `switch`.
    pub rollback: Vec<String>,
    /// The exit code of `switch` that means: at the next boot.
    pub deferred_code: Option<u8>,
}

impl SwitchCommands {
    /// The programs of a system like NixOS: the file `system` of the tree has the path of the system in the Nix store.
    ///
    /// `switch-to-configuration` ends with 100 if the new init takes effect at the next boot only (nixpkgs,
    /// `nixos/modules/system/activation`).
    #[must_use]
    pub fn nixos() -> Self {
        const SYSTEM: &str = "system=$(cat \"$LASTWORD_TREE/system\") || exit 1; ";
        const PROFILE: &str = "/nix/var/nix/profiles/system";
        let shell =
            |script: &str| ["/bin/sh", "-c", &format!("{SYSTEM}{script}")].map(str::to_owned);
        let switch = "exec \"$system/bin/switch-to-configuration\" switch";
        let set = format!("nix-env --profile {PROFILE} --set \"$system\"");
        let verify = "now=$(readlink -f /run/current-system) || exit 0; \
                      for tree in \"$LASTWORD_TREES\"/*; do \
                      [ \"$(cat \"$tree/system\" 2>/dev/null)\" != \"$now\" ] || { basename \"$tree\"; exit 0; }; done";
        Self {
            realise: shell("exec nix-store --realise \"$system\"").to_vec(),
            set: shell(&format!("exec {set}")).to_vec(),
            switch: shell(switch).to_vec(),
            verify: ["/bin/sh", "-c", verify].map(str::to_owned).to_vec(),
            rollback: shell(&format!("{set} && {switch}")).to_vec(),
            deferred_code: Some(100),
        }
    }
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
            commands: None,
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
            "commands" => config.commands = Some(commands(source, node)?),
            "after-switch" => config.after_switch = words(source, node, "a program is missing")?,
            _ => return Err(source.unknown(node, KEYS)),
        }
        Ok(())
    });
    Ok(config)
}

fn commands(source: &Source<'_>, node: &KdlNode) -> Result<SwitchCommands, ConfigError> {
    let mut commands = SwitchCommands::default();
    let missing = "a program is missing";
    source.each_once(source.children(node, COMMAND_KEYS)?, |node| {
        match node.name().value() {
            "preset" => {
                let entry = source.argument(node, "a preset")?;
                match source.text(entry)? {
                    "nixos" => commands = SwitchCommands::nixos(),
                    _ => return Err(source.at_entry(entry, "a preset is \"nixos\"")),
                }
            }
            "realise" => commands.realise = words(source, node, missing)?,
            "set" => commands.set = words(source, node, missing)?,
            "switch" => commands.switch = words(source, node, missing)?,
            "verify" => commands.verify = words(source, node, missing)?,
            "rollback" => commands.rollback = words(source, node, missing)?,
            "deferred" => {
                let entry = source.argument(node, "an exit code")?;
                let code = source.integer(entry, 1, u8::MAX.into())?;
                commands.deferred_code = u8::try_from(code).ok();
            }
            _ => return Err(source.unknown(node, COMMAND_KEYS)),
        }
        Ok(())
    });
    if commands.switch.is_empty() || commands.verify.is_empty() {
        return Err(source.at_node(node, "commands need a switch and a verify, or a preset"));
    }
    Ok(commands)
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
            (
                "commands { switch \"x\"; }",
                "2:1: generations.commands: commands need a switch and a verify",
            ),
            (
                "commands { preset \"x\"; }",
                "2:19: generations.commands.preset: a preset is",
            ),
            ("keep 1001", "2:6: generations.keep: "),
            ("keeps 1", "2:1: unknown key \"keeps\""),
        ] {
            let error = read(block).unwrap_err();
            let expected = format!("agent.kdl:{expected}");
            assert!(error.contains(&expected), "{block}: {error}");
        }
    }
}
