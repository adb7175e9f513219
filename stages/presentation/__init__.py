"""Words, labels and units of metrics, colors, formats and plot tables: shared by compare, plot, page and readme."""
