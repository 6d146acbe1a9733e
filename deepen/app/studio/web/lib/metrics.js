// Metrics that are shares of one, told in percent.
export const shares = new Set([
  'accuracy',
  'member_accuracy',
  'top5',
  'f1',
  'auc',
  'ece',
  'miou',
  'pixel_accuracy',
  'recognised',
  'winrate',
  'map50',
  'map',
  'bleu1',
  'bleu4',
])
