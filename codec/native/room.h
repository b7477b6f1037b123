// Memory of a thread that stays for its next picture: from the system it would be cleared anew for each.
#pragma once
#include <vector>

namespace pgs {

// At least so many; what they hold is of no meaning.
template <typename T>
T *at_least(std::vector<T> &kept, size_t size) {
    if (kept.size() < size) kept.resize(size);
    return kept.data();
}

} // namespace pgs
