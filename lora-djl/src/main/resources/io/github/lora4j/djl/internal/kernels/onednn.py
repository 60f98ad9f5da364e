# fp32 products by oneDNN. x: (N, in), weight: (out, in). Only loaded where libtorch was built with it.

def onednn_present(self: __torch__.K) -> bool:
  return True

def onednn_product(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
