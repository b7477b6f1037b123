// Choice of the kernel table and the only place with threads.
#pragma once
#include <atomic>
#include <thread>
#include <vector>

#include "pgs_kernel.h"

constexpr int PGS_SCALAR = 1, PGS_V3 = 2, PGS_V4 = 3; // the `isa` numbers of the Python module

// The table of an instruction set, or nullptr if this build or this processor does not have it.
const pgs_kernels *pgs_table(int isa);

// Calls job(0) .. job(jobs - 1) on up to `threads` threads, this one included.
template <typename Job>
void pgs_parallel(int jobs, int threads, const Job &job) {
    std::atomic<int> next{0};
    auto work = [&] {
        for (int i = next++; i < jobs; i = next++) job(i);
    };
    std::vector<std::thread> helpers;
    try {
        for (int t = 1; t < threads && t < jobs; t++) helpers.emplace_back(work);
    } catch (...) { // no more threads to be had: the ones we have do all jobs
    }
    work();
    for (auto &helper : helpers) helper.join();
}
