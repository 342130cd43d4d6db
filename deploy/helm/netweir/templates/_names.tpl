{{/*
Every object is named netweir, whatever the release's name: two releases would fight over the same files of a node.
*/}}
{{- define "netweir.selector" -}}
app.kubernetes.io/name: netweir
app.kubernetes.io/component: node-installer
{{- end }}

{{- define "netweir.labels" -}}
app.kubernetes.io/name: netweir
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "netweir.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ printf "%s@%s" .repository .digest }}{{ else }}{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}{{ end -}}
{{- end -}}
{{- end }}

{{/* ADDRESS:PORT, an IPv6 address in brackets. */}}
{{- define "netweir.health" -}}
{{- with .Values.health -}}
{{- if contains ":" .address }}{{ printf "[%s]:%d" .address (int .port) }}{{ else }}{{ printf "%s:%d" .address (int .port) }}{{ end -}}
{{- end -}}
{{- end }}
