# Products by oneDNN. x: (N, in), weight: (out, in). Only loaded where libtorch was built with it.

def onednn_present(self: __torch__.K) -> bool:
  return True

# Whether it multiplies bf16: it refuses to on processors without AVX-512 or better.
def onednn_bf16(self: __torch__.K) -> bool:
  return ops.mkldnn._is_mkldnn_bf16_supported()

def onednn_product(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
