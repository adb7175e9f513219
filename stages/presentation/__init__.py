"""What compare, plot, page and readme share: words, names and units of metrics, colors, formats, tables of plots."""
