"""Which neighbourhoods are alike? By income, work, rents and size, in the years that have all of them."""

from typing import Any

from vertebra import Analysis, Candidate


def k_means(clusters: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(n_clusters=clusters, n_init=5)


analysis = Analysis(
    description="Types of neighbourhoods by income, unemployment, rents and inhabitants.",
    task="clustering",
    view="neighbourhood_year",
    key=("year", "neighbourhood_id"),
    time="cast(make_date(year, 1, 1) as timestamp)",
    where="income_index is not null and rent_per_m2 is not null",
    features={
        "income": "income_index",
        "unemployed": "unemployed_per_1000",
        "rent": "rent_per_m2",
        "people": "population",
    },
    impute="median",
    scale="robust",
    folds={"by": "neighbourhood_id", "count": 4},
    zone="Europe/Madrid",
    candidates={"k_means": Candidate(build=k_means, grid={"clusters": (2, 3, 4, 5)}, encode="one_hot")},
    metric="silhouette",
    tags=("city",),
)
