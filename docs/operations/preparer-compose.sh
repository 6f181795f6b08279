#!/bin/sh
# Prépare, une fois, ce que compose.yaml attend : le dossier des études, et des mots de passe neufs en
# fichiers de droits 600, chacun au compte de l'image qui le lit. Ne remplace pas ceux qui sont là.
#   sh preparer-compose.sh [SECRETS] [ÉTUDES]    par défaut /etc/ateliers et /srv/etudes
set -eu
secrets=${1:-/etc/ateliers}
studies=${2:-/srv/etudes}
ateliers=990 # le compte de l'image du projet
postgres=999 # celui de l'image de PostgreSQL

draw() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
give() { # FICHIER COMPTE : à lui seul ; sans être root, à qui lance ce script
    chmod 600 "$1"
    if [ "$(id -u)" = 0 ]; then chown "$2:$2" "$1"; fi
}

umask 077
mkdir -p "$secrets" "$studies"
chmod 711 "$secrets"
if [ "$(id -u)" = 0 ]; then chown "$ateliers:$ateliers" "$studies"; fi
[ -e "$secrets/prefect" ] || sh "$(dirname "$0")/mot-de-passe-prefect.sh" "$secrets/prefect"
[ -e "$secrets/mesures" ] || draw > "$secrets/mesures"
if [ ! -e "$secrets/postgres" ]; then
    draw > "$secrets/postgres"
    printf '*:*:*:ateliers:%s\n' "$(cat "$secrets/postgres")" > "$secrets/pgpass"
fi
if [ ! -e "$studies/ateliers.toml" ]; then
    printf '[review]\ndatabase = "postgresql://ateliers@/comptes?host=/run/postgresql"\n' > "$studies/ateliers.toml"
fi
for file in "$secrets/prefect" "$secrets/mesures" "$secrets/pgpass" "$studies/ateliers.toml"; do
    give "$file" "$ateliers"
done
give "$secrets/postgres" "$postgres"
