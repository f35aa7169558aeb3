// trady rank: the layer ranking that top-K methods choose their pool from.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "engine/error.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/number_checks.h"
#include "tools/progress.h"
#include "tools/rank_run.h"
#include "tools/ranking_comparison.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

void print_ranking(const Ranking& ranking, const std::vector<ConvLayer>& convs) {
  constexpr size_t kShown = 10;
  Table table({{"rank"}, {"conv"}, {"name", Table::Align::left}, {"RGN"}, {"cumulative"}});
  const size_t shown = std::min(kShown, ranking.descending_rgn.size());
  for (size_t i = 0; i < shown; ++i) {
    const auto conv = static_cast<size_t>(ranking.descending_rgn[i]);
    table.add({concat(i + 1), concat(conv), convs[conv].name, concat(ranking.rgn[conv]),
               fixed(ranking.cumulative_percent[i], 2) + " %"});
  }
  std::fputs(table.text("  ").c_str(), stdout);
  std::printf("K = %d of %d convs, %s %% of the RGN\n", ranking.k, ranking.conv_count,
              fixed(ranking.cumulative_percent[static_cast<size_t>(ranking.k) - 1], 2).c_str());
}

void print_comparison(const Ranking& ranking) {
  const Ranking* known = builtin_ranking(ranking.network);
  if (!known) return;
  constexpr size_t kShownSource = 60;
  const RankingComparison with = compare_rankings(ranking, *known);
  std::printf(
      "Against the ranking that ships with trady (%s): Spearman correlation %.3f over %d convs; "
      "%d of its pool's %d convs are among the first %d here.\n",
      shortened(known->source, kShownSource).c_str(), with.spearman, with.common_convs,
      with.shared_convs, with.pool_convs, with.pool_convs);
}

void run_rank(const RankOptions& options) {
  require_writable("--out", options.out, {options.model.weights, options.data.data});
  RankRun run(options);
  const Ranking ranking = run.run();
  write_ranking(options.out, ranking);
  print_ranking(ranking, run.convs());
  print_comparison(ranking);
  std::printf("wrote %s; use it with --pool %s\n", options.out.c_str(), options.out.c_str());
}

}  // namespace

void add_rank(CLI::App& app) {
  const auto options = std::make_shared<RankOptions>();
  CLI::App* command = app.add_subcommand(
      "rank", "Rank a network's layers by their relative gradient norm, for --pool");
  add_model_options(*command, options->model);
  add_calibration_option(*command, options->model);
  add_data_options(*command, options->data);
  add_progress_option(*command, options->progress);
  command->add_option("--epochs", options->epochs, "epochs after the warm-up")
      ->transform(whole_number(0, kMaxEpochs))
      ->capture_default_str();
  command->add_option("--warmup", options->warmup, "epochs of linear warm-up")
      ->transform(whole_number(0, kMaxEpochs))
      ->capture_default_str();
  command
      ->add_option("--lr", options->learning_rate,
                   "peak learning rate (default: one that works for full fine-tuning)")
      ->check(positive_number(kMaxLearningRate));
  command->add_option("--clip-norm", options->clip_norm, "bound of the gradient's norm (0: none)")
      ->check(real_number(0, kMaxGradientNorm))
      ->capture_default_str();
  command->add_option("--batch", options->batch, "images a step")
      ->transform(whole_number(1, kMaxBatch))
      ->capture_default_str();
  command
      ->add_option("--micro-batch", options->micro_batch,
                   "images that a worker takes through the network at a time")
      ->transform(whole_number(1, kMaxBatch));
  command->add_option("--seed", options->seed, "of head, order and augmentation")
      ->transform(seed_number())
      ->capture_default_str();
  command->add_option("--out", options->out, "the ranking file (JSON)")->required();
  command->footer(
      "Examples:\n"
      "  A few epochs on any data set are enough; the order hardly depends on the task:\n"
      "    trady rank --weights mcunet.safetensors --data cifar-10-batches-bin --epochs 3 \\\n"
      "          --out mcunet-ranking.json\n"
      "  Then select from its first layers:\n"
      "    trady finetune --weights mcunet.safetensors --data flowers --budget 15936 \\\n"
      "          --pool mcunet-ranking.json --out runs/flowers\n"
      "Ranking trains a copy in memory with all gradients; the weights file is not changed.");
  command->callback([options] { run_rank(*options); });
}

}  // namespace trady::tools
