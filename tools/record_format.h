// What a run's record must hold to be read: checked once, before anything looks into it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace trady::tools {

/// The version of the record's format that this program writes and reads.
constexpr int kRecordFormatVersion = 1;

/// Where a record was read, and what to do where it is damaged: the ends of a message.
struct RecordOrigin {
  std::string file;
  std::string remedy;
};

/// Error that names the origin and the first field that is missing or damaged: the type of every
/// field that --resume, `trady compare` or `trady inspect` reads, and the range where it matters.
/// A record of a newer version is told apart.
void require_valid_record(const nlohmann::json& record, const RecordOrigin& origin);

/// The same for what `trady report` reads beyond that, in a valid record.
void require_reportable_record(const nlohmann::json& record, const RecordOrigin& origin);

}  // namespace trady::tools
