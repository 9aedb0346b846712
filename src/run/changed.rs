//! Which of several images a commit touches. Nothing is built, and no registry is asked.

use std::collections::BTreeMap;

use super::{Outcome, RunError};
use crate::git::GixCheckout;
use crate::pipeline::PipelineError;
use crate::ports::{Reporter, RunEvent, Warning};
use crate::settings::{ChangedSettings, ImageSettings};
use tagship_domain::matrix::{Changes, ImageParts, MadeFrom, Matrix, Row, untouchable};
use tagship_domain::untrusted;

/// Returns the names of the images that HEAD touches.
pub fn touched(settings: &ChangedSettings, reporter: &dyn Reporter) -> Result<Vec<String>, RunError> {
    let matrix = matrix(settings, reporter)?;
    if matrix.include.is_empty() {
        reporter.event(RunEvent::Note(
            "the commit touches no image, so that nothing is published",
        ));
    }
    Ok(matrix.include.into_iter().map(|row| row.name).collect())
}

fn matrix(settings: &ChangedSettings, reporter: &dyn Reporter) -> Result<Matrix, RunError> {
    let checkout = GixCheckout::at(&settings.workspace);
    let changes = checkout.changes(&settings.base).map_err(PipelineError::from)?;
    let images: Vec<ImageParts> = settings
        .images
        .iter()
        .map(|image| parts(&checkout, image))
        .collect::<Result<_, _>>()?;
    let config = checkout.place_of(&settings.config).map_err(PipelineError::from)?;
    let matrix = Matrix::of(
        &images,
        &changes,
        config.as_deref(),
        settings.pushed_tag.as_deref(),
    );
    let paths = checkout.paths().map_err(PipelineError::from)?;
    for name in paths.iter().flat_map(|paths| untouchable(&images, paths)) {
        reporter.event(RunEvent::Warning(&Warning {
            message: format!(
                "no change touches image `{name}`: the commit has no file in its `context` or `paths`"
            ),
            file: None,
            line: None,
        }));
    }
    if let Changes::Unknown(reason) = &changes
        && matrix.include.len() == images.len()
    {
        let note = format!("every image counts as touched: {reason}");
        reporter.event(RunEvent::Note(&note));
    }
    Ok(matrix)
}

/// Lists the images that HEAD touches.
pub fn changed(settings: &ChangedSettings, reporter: &dyn Reporter) -> Result<Outcome, RunError> {
    let matrix = matrix(settings, reporter)?;
    let line = untrusted::json(&matrix);
    Ok(Outcome {
        outputs: BTreeMap::from([("matrix", line.clone())]),
        text: line,
        terminal: Some(table(&matrix)),
        json: serde_json::json!(matrix),
        is_bare: true,
        ..Outcome::default()
    })
}

fn parts(checkout: &GixCheckout, image: &ImageSettings) -> Result<ImageParts, PipelineError> {
    let made_from = if let Some(paths) = &image.paths {
        MadeFrom::Paths(paths.clone())
    } else {
        let places = image.places.iter().map(|place| checkout.place_of(place));
        let places = places.collect::<Result<Option<Vec<_>>, _>>()?;
        places.map_or(MadeFrom::Elsewhere, MadeFrom::Places)
    };
    Ok(ImageParts {
        row: image.row.clone(),
        tag_prefix: image.tag_prefix.clone(),
        made_from,
    })
}

/// One image on each line, for a person.
fn table(matrix: &Matrix) -> String {
    let width = |row: &Row| row.name.chars().count();
    let width = matrix.include.iter().map(width).max().unwrap_or_default();
    let lines: Vec<String> = matrix
        .include
        .iter()
        .map(|row| {
            let repository = row.repository.as_deref().unwrap_or_default();
            let line = format!("{:width$}  {}  {repository}", row.name, row.context);
            line.trim_end().to_owned()
        })
        .collect();
    if lines.is_empty() {
        "the commit touches no image".to_owned()
    } else {
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_one_image_on_each_line() {
        let row = |name: &str, context: &str, repository: Option<&str>| Row {
            name: name.to_owned(),
            context: context.to_owned(),
            file: None,
            repository: repository.map(str::to_owned),
            tag_prefix: None,
        };
        let include = vec![
            row("api", "services/api", Some("team/api")),
            row("로그인", "login", None),
            row("worker", ".", Some("team/worker")),
        ];
        assert_eq!(
            table(&Matrix { include }),
            "api     services/api  team/api\n로그인     login\nworker  .  team/worker"
        );
        let nothing = Matrix { include: Vec::new() };
        assert_eq!(table(&nothing), "the commit touches no image");
    }
}
