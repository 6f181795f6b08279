#!/bin/sh
# Écrit dans FICHIER, de droits 600, un mot de passe neuf pour le serveur Prefect : la variable que
# lit le serveur, puis celle que lisent ses clients. Le mot de passe n'est montré nulle part.
# Relancé, il en met un autre à la place : redémarrer ensuite les services.
set -eu
file=${1:?"usage : sh mot-de-passe-prefect.sh FICHIER"}
umask 077
new=$(mktemp "$file.XXXXXX")
secret=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
printf 'PREFECT_%sAPI_AUTH_STRING=ateliers:%s\n' SERVER_ "$secret" '' "$secret" > "$new"
mv "$new" "$file"
