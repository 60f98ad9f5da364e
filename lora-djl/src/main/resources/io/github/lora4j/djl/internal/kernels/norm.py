# Layer norm, y = (x - mean) / std * weight + bias, statistics in fp32. x: (N, D); weight and bias are fp32 whatever x is;
# both: (D), or (N, D) where every row has its own.

def norm_forward(self: __torch__.K, x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tuple[Tensor, Tensor, Tensor]:
  if weight.dim() == 2:
    y, mean, rstd = torch.native_layer_norm(x.to(6), [x.size(1)], None, None, epsilon)
    return y.mul_(weight).add_(bias).to(x.dtype), mean, rstd
  if bias.dim() == 2:
    y, mean, rstd = torch.native_layer_norm(x.to(6), [x.size(1)], weight, None, epsilon)
    return y.add_(bias).to(x.dtype), mean, rstd
  if x.is_cuda and x.dtype != weight.dtype:
    y, mean, rstd = torch.native_layer_norm(x.to(6), [x.size(1)], weight, bias, epsilon)
    return y.to(x.dtype), mean, rstd
  y, mean, rstd = torch.native_layer_norm(x, [x.size(1)], weight, bias, epsilon)
  return y, mean, rstd

# dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * weight.
def norm_backward(self: __torch__.K, dy: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
  if x.is_cuda and x.dtype != weight.dtype:
    dx, _w, _b = torch.native_layer_norm_backward(dy.to(6), x.to(6), [x.size(1)], mean, rstd, weight, bias, [True, False, False])
    return dx.to(x.dtype)
  dx, _w, _b = torch.native_layer_norm_backward(dy, x, [x.size(1)], mean, rstd, weight, bias, [True, False, False])
  return dx

# A trainable weight receives the column sums of dy * xhat.
def norm_weight_backward(self: __torch__.K, dy: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, grad: Tensor) -> Tensor:
  normed = (x.to(6) - mean.to(6)).mul_(rstd.to(6))
  return grad.add_(normed.mul_(dy.to(6)).sum([0]))

# A trainable bias anywhere receives the column sums of the gradient of what it was added to.
def bias_backward(self: __torch__.K, dy: Tensor, grad: Tensor) -> Tensor:
  return grad.add_(dy.to(6).sum([0]))
