#include "order.h"

#include <algorithm>
#include <map>
#include <vector>

#include "block.h"
#include "operations.h"
#include "tracker.h"

namespace cuda_on_host {
namespace {

/// By id - 1: the first segments of the operations in the set, ascending.
std::vector<std::vector<uint32_t>>& reader_sets() {
  static std::vector<std::vector<uint32_t>> sets;
  return sets;
}
std::map<std::vector<uint32_t>, uint32_t>& reader_set_ids() {
  static std::map<std::vector<uint32_t>, uint32_t> ids;
  return ids;
}

}  // namespace

bool happened_before(uint32_t segment) {
  // Neighbouring bytes mostly come from one launch.
  static uint32_t asked_by = 0, first = 0, end = 0;
  static bool answer = false;
  if (asked_by == now.first_of_operation && segment >= first && segment < end) return answer;

  const LibraryScope scope;
  const Operations& operations = Operations::instance();
  const Operation* earlier = operations.of_segment(segment);
  const Operation* current = operations.current();
  if (!earlier || !current) return true;
  asked_by = now.first_of_operation;
  first = earlier->first_segment;
  end = earlier->end_segment;
  answer = earlier->chain < current->clock.size() &&
           current->clock[earlier->chain] >= earlier->clock[earlier->chain];
  return answer;
}

uint32_t add_reader(uint32_t readers, uint32_t segment) {
  const LibraryScope scope;
  std::vector<uint32_t> set;
  if (readers != 0) set = reader_sets()[readers - 1];
  const Operation* operation = Operations::instance().of_segment(segment);
  if (operation) set.push_back(operation->first_segment);
  set.erase(std::remove_if(set.begin(), set.end(), happened_before), set.end());
  if (set.empty()) return 0;
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
  const auto [place, added] = reader_set_ids().try_emplace(set, 0u);
  if (added) {
    reader_sets().push_back(set);
    place->second = static_cast<uint32_t>(reader_sets().size());
  }
  return place->second;
}

uint32_t first_unordered_reader(uint32_t readers) {
  const LibraryScope scope;
  const std::vector<uint32_t>& set = reader_sets()[readers - 1];
  const auto found = std::find_if_not(set.begin(), set.end(), happened_before);
  return found == set.end() ? 0 : *found;
}

void forget_reader_sets() {
  reader_sets().clear();
  reader_set_ids().clear();
}

}  // namespace cuda_on_host
