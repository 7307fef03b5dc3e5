# Opens an archive with hdf5r; prints shapes (R reverses the axes), labels and sums, for the test to compare.
library(hdf5r)
path <- commandArgs(trailingOnly = TRUE)[1]
file <- H5File$new(path, mode = "r")
stopifnot(h5attr(file, "isotherm_layout") == 1)
for (name in list.datasets(file, recursive = TRUE)) {
  item <- file[[name]]
  if (!inherits(item$get_type(), "H5T_FLOAT") || length(item$dims) == 0 || !("logical_sha256" %in% h5attr_names(item))) next
  values <- item$read()
  cat(sprintf("%s\t%s\t%s\t%.9e\n", name, paste(rev(item$dims), collapse = ","), h5attr(item, "units"), sum(as.numeric(values))))
}
