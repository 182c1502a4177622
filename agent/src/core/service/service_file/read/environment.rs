//! What a service file says of the environment of its processes.

use super::super::{InheritedEnv, Program, is_agents_own};
use super::{any_text, no_nul, one};
use kdl::{KdlEntry, KdlNode};
use lastword_config::{ConfigError, Source};

/// Reads `env`, `env-clear` or `env-allow`; `nodes` are all of the file.
pub(super) fn read(
    source: &Source<'_>,
    node: &KdlNode,
    nodes: &[KdlNode],
    program: &mut Program,
) -> Result<(), ConfigError> {
    match node.name().value() {
        "env" => program.env = variables(source, node)?,
        "env-clear" => {
            let clears = source.boolean(one(source, node, "#true or #false")?)?;
            let allows = nodes.iter().any(|node| node.name().value() == "env-allow");
            if allows && !clears {
                let message = "env-allow lets nothing else pass; remove one of the two";
                return Err(source.at_node(node, message));
            }
            if clears && program.inherited == InheritedEnv::All {
                program.inherited = InheritedEnv::Only(Vec::new());
            }
        }
        _ => program.inherited = InheritedEnv::Only(allowed(source, node)?),
    }
    Ok(())
}

/// The names of the agent's variables that pass.
fn allowed(source: &Source<'_>, node: &KdlNode) -> Result<Vec<String>, ConfigError> {
    let entries = source.arguments(node)?;
    if entries.is_empty() {
        let message = "the name of a variable is missing; env-clear #true lets none pass";
        return Err(source.at_node(node, message));
    }
    Ok(source.all(entries, |entry| {
        let name = source.text(entry)?;
        let is_earlier = |other: &&KdlEntry| !std::ptr::eq(*other, entry);
        let mut earlier = entries.iter().take_while(is_earlier);
        if earlier.any(|other| other.value() == entry.value()) {
            return Err(source.at_entry(entry, format!("{name} was named before")));
        }
        if name.contains(['=', '\0']) {
            let message = "this is no variable's name; env sets a variable to a value";
            return Err(source.at_entry(entry, message));
        }
        if is_agents_own(name.as_bytes()) {
            return Err(source.at_entry(entry, format!("{name} is the agent's alone")));
        }
        Ok(name.to_owned())
    }))
}

fn variables(source: &Source<'_>, node: &KdlNode) -> Result<Vec<(String, String)>, ConfigError> {
    let mut variables = Vec::new();
    source.each_once(source.children(node, &[])?, |node| {
        let name = node.name().value();
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(source.at_node(node, "a variable's name holds no = and is not empty"));
        }
        if name.starts_with("LASTWORD_") {
            return Err(source.at_node(node, "LASTWORD_… is how the agent knows its own"));
        }
        let entry = one(source, node, "a value")?;
        let value = no_nul(source, entry, any_text(source, entry)?)?;
        variables.push((name.to_owned(), value));
        Ok(())
    });
    Ok(variables)
}
