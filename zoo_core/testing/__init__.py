"""What tests of models, plugins and publishing need: a Hub of one's own (:mod:`zoo_core.testing.hub`)."""
