"""The dashboard: pages for browsers, made here from templates, with scripts of this package and none from elsewhere."""
