# All images at once, with BuildKit, from the root of the repository:
#
#     nox -s images -- --profile full --bake .matrix/images.json
#     docker buildx bake -f containers/docker-bake.hcl -f .matrix/images.json
#
# The second file holds values that only the tool knows: keys, digests and tags, by which the images
# are found afterwards. Mirrors: BASE, and PIP_INDEX_URL and PIP_EXTRA_INDEX_URL in the
# environment; a private authority's certificates: containers/ca.pem.
#
# Generated from environments.toml by `nox -s update`: a change here does not last.

variable "BASE" {
  default = "python"
}
variable "SUFFIX" {
  default = "-slim"
}
variable "PIP_INDEX_URL" {
  default = null
}
variable "PIP_EXTRA_INDEX_URL" {
  default = null
}

group "default" {
  targets = ["smoke"]
}
group "smoke" {
  targets = ["tf2_15", "keras3_8", "keras3_15"]
}
group "full" {
  targets = ["environment"]
}

target "environment" {
  name = replace(each.id, ".", "_")
  matrix = {
    each = [
      { id = "keras1.2", python = "3.7" },
      { id = "keras2.0", python = "3.7" },
      { id = "keras2.1", python = "3.7" },
      { id = "keras2.2", python = "3.7" },
      { id = "tf1.13", python = "3.7" },
      { id = "tf1.14", python = "3.7" },
      { id = "keras2.3", python = "3.7" },
      { id = "keras2.3-theano", python = "3.7" },
      { id = "tf1.15", python = "3.7" },
      { id = "tf2.0", python = "3.7" },
      { id = "tf2.1", python = "3.7" },
      { id = "tf2.2", python = "3.8" },
      { id = "tf2.3", python = "3.8" },
      { id = "tf2.4", python = "3.8" },
      { id = "tf2.5", python = "3.9" },
      { id = "tf2.6", python = "3.9" },
      { id = "tf2.7", python = "3.9" },
      { id = "tf2.8", python = "3.10" },
      { id = "tf2.9", python = "3.10" },
      { id = "tf2.10", python = "3.10" },
      { id = "tf2.11", python = "3.10" },
      { id = "tf2.12", python = "3.11" },
      { id = "tf2.13", python = "3.11" },
      { id = "tf2.14", python = "3.11" },
      { id = "tf2.15", python = "3.11" },
      { id = "tf-keras2.16", python = "3.11" },
      { id = "tf-keras2.17", python = "3.12" },
      { id = "tf-keras2.18", python = "3.12" },
      { id = "tf-keras2.19", python = "3.12" },
      { id = "tf-keras2.20", python = "3.13" },
      { id = "tf-keras2.21", python = "3.13" },
      { id = "keras3.0", python = "3.11" },
      { id = "keras3.1", python = "3.11" },
      { id = "keras3.2", python = "3.11" },
      { id = "keras3.3", python = "3.11" },
      { id = "keras3.4", python = "3.11" },
      { id = "keras3.5", python = "3.12" },
      { id = "keras3.6", python = "3.12" },
      { id = "keras3.7", python = "3.12" },
      { id = "keras3.8", python = "3.12" },
      { id = "keras3.9", python = "3.12" },
      { id = "keras3.10", python = "3.12" },
      { id = "keras3.11", python = "3.13" },
      { id = "keras3.12", python = "3.13" },
      { id = "keras3.13", python = "3.13" },
      { id = "keras3.14", python = "3.13" },
      { id = "keras3.15", python = "3.13" },
      { id = "keras3.15-jax", python = "3.13" },
      { id = "keras3.15-torch", python = "3.11" },
    ]
  }
  context    = "."
  dockerfile = "containers/Dockerfile"
  args = {
    ENVIRONMENT         = each.id
    PYTHON_IMAGE        = "${BASE}:${each.python}${SUFFIX}"
    PIP_INDEX_URL       = PIP_INDEX_URL
    PIP_EXTRA_INDEX_URL = PIP_EXTRA_INDEX_URL
  }
}
