// The record of a run: what is accepted can be compared, resumed, written and read back.
#include "engine/error.h"
#include "tests/fuzz/target.h"
#include "tools/run_record.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  using tools::RunRecord;
  RunRecord record = RunRecord::parse(std::string(input.begin(), input.end()), {"input", "remedy"});
  const RunRecord again = RunRecord::parse(record.text(), {"written", "remedy"});
  require(again.epochs_done() == record.epochs_done(), "a record that is read has all epochs");
  record.require_same_settings(record.json().at("settings"), "itself");
  record.resume_in(again.json().at("environment"));
  try {
    record.require_same_inputs({{"classes", {"a", "b"}}}, "input");
  } catch (const Error&) {
  }
  RunRecord::parse(record.text(), {"resumed", "remedy"});
}

}  // namespace trady::fuzz
