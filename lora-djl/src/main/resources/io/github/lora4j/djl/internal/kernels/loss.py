# Cross-entropy without logits: a chunk of rows is projected onto the vocabulary, its loss and the gradient of its hidden rows are
# computed, and the chunk is dropped. x: (M, D), only rows that carry a label; weight: (V, D); targets: (M) int64.
# loss = scale * sum(logsumexp(z) - z[target]); dz = scale * (softmax(z) - onehot(target)); dx = dz weight. Logits and loss in fp32.

def head_loss(self: __torch__.K, x: Tensor, weight: Tensor, targets: Tensor, scale: float, chunk: int, want_gradient: bool) -> Tuple[Tensor, Tensor]:
  w = weight.to(x.dtype)
  n = x.size(0)
  dx = torch.empty_like(x) if want_gradient else x
  loss = torch.zeros([1], dtype=7, layout=None, device=x.device)
  start = 0
  while start < n:
    count = min(chunk, n - start)
    rows = x.narrow(0, start, count)
    target = targets.narrow(0, start, count).view([-1, 1])
    z = torch.mm(rows, w.t()).to(6)
    wanted = z.gather(1, target)
    top = z.amax([1], True)
    z.sub_(top).exp_()
    total = z.sum([1], True)
    loss.add_((top + total.log() - wanted).sum().to(7), alpha=scale)
    if want_gradient:
      z.mul_(scale / total)
      z.scatter_add_(1, target, torch.full([count, 1], -scale, dtype=6, layout=None, device=x.device))
      dx.narrow(0, start, count).copy_(torch.mm(z.to(x.dtype), w))
    start = start + count
  return loss, dx

def head_logits(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return self.linear(x, weight).to(6)

# The best token of every row and its score, (B, 2) in fp64, where ids are exact: the first of equals, the first NaN if there is one.
def head_best(self: __torch__.K, logits: Tensor) -> Tensor:
  score, token = torch.max(logits, 1, True)
  return torch.cat([token.to(7), score.to(7)], 1)
