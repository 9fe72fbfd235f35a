"""Which models are said to have published weights, against timm's own register."""

import timm

from vizstudio_vit.names import list_models


def test_published_weights_are_those_that_timm_knows() -> None:
    told = {listing.name: listing.weights for listing in list_models()}
    known = {name for name in told if timm.is_model(name) and timm.is_model_pretrained(name)}
    published = {name for name, weights in told.items() if weights == "published"}
    assert published <= known and len(published) > 0.9 * len(known)
    assert {told[name] for name in known - published} <= {"unknown"}  # never said to have none
