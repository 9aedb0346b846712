//! Which of several images a commit touches. Nothing is built, and no registry is asked.

use std::collections::BTreeMap;

use super::{Outcome, RunError};
use crate::git::GixCheckout;
use crate::pipeline::PipelineError;
use crate::ports::{Event, Reporter};
use crate::settings::{ChangedSettings, ImageSettings};
use tagship_domain::matrix::{Changes, ImageParts, MadeFrom, Matrix};

/// Lists the images that HEAD touches.
pub fn changed(settings: &ChangedSettings, reporter: &dyn Reporter) -> Result<Outcome, RunError> {
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
    if let Changes::Unknown(reason) = &changes
        && matrix.include.len() == images.len()
    {
        let note = format!("every image counts as touched: {reason}");
        reporter.event(Event::Note(&note));
    }
    let json = super::outcome::json(&matrix);
    Ok(Outcome {
        outputs: BTreeMap::from([("matrix", json.trim_end().to_owned())]),
        text: json.clone(),
        json,
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
