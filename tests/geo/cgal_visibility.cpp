// The area each query point sees, by CGAL's triangular expansion on an exact arrangement.
// Input, per scene: "S n x y", then n lines "x0 y0 x1 y1". Output: one area a scene.
#include <CGAL/Arr_naive_point_location.h>
#include <CGAL/Arr_segment_traits_2.h>
#include <CGAL/Arrangement_2.h>
#include <CGAL/Exact_predicates_exact_constructions_kernel.h>
#include <CGAL/Polygon_2.h>
#include <CGAL/Triangular_expansion_visibility_2.h>
#include <cstdio>
#include <vector>

typedef CGAL::Exact_predicates_exact_constructions_kernel Kernel;
typedef CGAL::Arr_segment_traits_2<Kernel> Traits;
typedef CGAL::Arrangement_2<Traits> Arrangement;
typedef CGAL::Triangular_expansion_visibility_2<Arrangement, CGAL::Tag_true> Visibility;

int main() {
    char mark;
    int n;
    double x, y;
    while (std::scanf(" %c %d %lf %lf", &mark, &n, &x, &y) == 4) {
        std::vector<Kernel::Segment_2> segments;
        for (int k = 0; k < n; ++k) {
            double a, b, c, d;
            if (std::scanf("%lf %lf %lf %lf", &a, &b, &c, &d) != 4) return 1;
            segments.emplace_back(Kernel::Point_2(a, b), Kernel::Point_2(c, d));
        }
        Arrangement arrangement;
        CGAL::insert(arrangement, segments.begin(), segments.end());
        CGAL::Arr_naive_point_location<Arrangement> location(arrangement);
        Kernel::Point_2 eye(x, y);
        auto found = location.locate(eye);
        auto* face = boost::get<Arrangement::Face_const_handle>(&found);
        if (!face || (*face)->is_unbounded()) { std::printf("nan\n"); continue; }
        Visibility visibility(arrangement);
        Arrangement output;
        auto seen = visibility.compute_visibility(eye, *face, output);
        CGAL::Polygon_2<Kernel> ring;
        auto edge = seen->outer_ccb();
        auto begin = edge;
        do { ring.push_back(edge->source()->point()); } while (++edge != begin);
        std::printf("%.12f\n", CGAL::to_double(CGAL::abs(ring.area())));
    }
}
