// The peer: CGAL's triangular expansion, one arrangement a camera, as its manual has it.
// Input, per scene: "S n x y", then n lines "x0 y0 x1 y1" that do not cross; frame included.
// Output: a line a scene with the ring seen; on stderr the seconds of arrangement and expansion.
#include <CGAL/Arr_segment_traits_2.h>
#include <CGAL/Arr_walk_along_line_point_location.h>
#include <CGAL/Arrangement_2.h>
#include <CGAL/Exact_predicates_exact_constructions_kernel.h>
#include <CGAL/Triangular_expansion_visibility_2.h>
#include <chrono>
#include <cstdio>
#include <vector>

typedef CGAL::Exact_predicates_exact_constructions_kernel Kernel;
typedef CGAL::Arr_segment_traits_2<Kernel> Traits;
typedef CGAL::Arrangement_2<Traits> Arrangement;
typedef CGAL::Triangular_expansion_visibility_2<Arrangement, CGAL::Tag_true> Visibility;

int main() {
    char mark;
    int n;
    double x, y, seconds = 0;
    while (std::scanf(" %c %d %lf %lf", &mark, &n, &x, &y) == 4) {
        std::vector<Kernel::Segment_2> segments;
        for (int k = 0; k < n; ++k) {
            double a, b, c, d;
            if (std::scanf("%lf %lf %lf %lf", &a, &b, &c, &d) != 4) return 1;
            segments.emplace_back(Kernel::Point_2(a, b), Kernel::Point_2(c, d));
        }
        auto begun = std::chrono::steady_clock::now();
        Arrangement arrangement, output;
        try {
        CGAL::insert(arrangement, segments.begin(), segments.end());
        CGAL::Arr_walk_along_line_point_location<Arrangement> location(arrangement);
        auto found = location.locate(Kernel::Point_2(x, y));
        auto* face = boost::get<Arrangement::Face_const_handle>(&found);
        if (!face || (*face)->is_unbounded()) { std::printf("\n"); continue; }
        Visibility visibility(arrangement);
        auto seen = visibility.compute_visibility(Kernel::Point_2(x, y), *face, output);
        seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        auto edge = seen->outer_ccb();
        auto begin = edge;
        do {
            std::printf("%.6f %.6f ", CGAL::to_double(edge->source()->point().x()),
                        CGAL::to_double(edge->source()->point().y()));
        } while (++edge != begin);
        std::printf("\n");
        } catch (const std::exception&) {
            // Its constructions are rounded in this, its fastest kernel, and sometimes fail.
            std::printf("\n");
        }
    }
    std::fprintf(stderr, "%.9f\n", seconds);
}
