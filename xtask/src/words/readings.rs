//! Files read one by one, and the places found in all of them.

use super::doc_openings::{self, DocOpening};
use super::finding::CountedPlace;
use super::module_circles;
use super::module_graph::{ModuleFile, module_path};
use super::module_imports::ModuleImports;
use super::module_paths::ModulePath;
use super::source_tree::SourceFile;
use super::type_names::{self, TypeName};
use anyhow::{Context, Result, anyhow};
use proc_macro2::{LexError, TokenStream};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;

/// One file, read.
struct FileReading {
    type_names: Vec<TypeName>,
    doc_openings: Vec<DocOpening>,
    module: Option<ModuleReading>,
}

/// The file's part of its crate.
struct ModuleReading {
    /// The crate's source directory.
    directory: PathBuf,
    module: ModulePath,
    imports: ModuleImports,
}

/// Finds every place that a rule counts.
///
/// # Errors
///
/// A file is no Rust.
pub(super) fn find_places(files: &[SourceFile]) -> Result<Vec<CountedPlace>> {
    let readings = read_files(files)?;
    let each = || files.iter().zip(&readings);
    let names = each().map(|(file, reading)| (file, reading.type_names.as_slice()));
    let openings = each().map(|(file, reading)| (file, reading.doc_openings.as_slice()));
    let mut places = type_names::find(names);
    places.extend(doc_openings::find(openings));
    let mut crates: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (file, reading) in each() {
        if let Some(part) = &reading.module {
            let modules = crates.entry(&part.directory).or_default();
            modules.push(ModuleFile {
                module: &part.module,
                file,
                imports: &part.imports,
            });
        }
    }
    places.extend(
        crates
            .values()
            .flat_map(|modules| module_circles::find(modules)),
    );
    Ok(places)
}

/// Reads on as many threads as there are processors.
fn read_files(files: &[SourceFile]) -> Result<Vec<FileReading>> {
    let threads = thread::available_parallelism()?;
    let share = files.len().div_ceil(threads.get()).max(1);
    thread::scope(|scope| {
        let shares = files.chunks(share);
        let started: Vec<_> = shares
            .map(|share| scope.spawn(|| share.iter().map(read).collect::<Result<Vec<_>>>()))
            .collect();
        let mut all = Vec::new();
        for share in started {
            all.extend(share.join().map_err(|_| anyhow!("a reader panicked"))??);
        }
        Ok(all)
    })
}

fn read(file: &SourceFile) -> Result<FileReading> {
    let context = || format!("cannot parse {}", file.path.display());
    let tokens = file.text.parse::<TokenStream>();
    let tokens = tokens
        .map_err(|error: LexError| anyhow!("{error}"))
        .with_context(context)?;
    let syntax: syn::File = syn::parse2(tokens.clone()).with_context(context)?;
    Ok(FileReading {
        type_names: type_names::read(&syntax),
        doc_openings: doc_openings::read(tokens),
        module: module_path(file).map(|(directory, module)| ModuleReading {
            directory,
            imports: ModuleImports::read(&module, &syntax),
            module,
        }),
    })
}
