"""How a data set's rows are divided into parts and scaled: one vocabulary for all data sets."""
